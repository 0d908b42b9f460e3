"""Live messages for pages that are open: those of /api/v1/live, which does not take the cookie of a browser."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from shortener.access.routes import CallerDep
from shortener.dashboard.refusals import CrossSiteRequest
from shortener.dashboard.routes import PageRoute
from shortener.live.api import ChannelNames, open_stream

router = APIRouter(prefix="/-/live", route_class=PageRoute, include_in_schema=False)


@router.get("")
async def live(
    channel: ChannelNames,
    request: Request,
    caller: CallerDep,
    last_event_id: Annotated[str | None, Header(max_length=40)] = None,
    follow: bool = True,
) -> Response:
    """Pages of other sites cannot read the messages, and may not hold connections either."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise CrossSiteRequest
    return await open_stream(request, caller, channel, last_event_id, follow=follow)
