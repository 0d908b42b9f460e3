"""/api/v1/live"""

import contextlib
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi import status as http

from shortener.access.memberships import Caller
from shortener.access.routes import ApiRoute, CallerDep, Known, needs, needs_known, principal_of
from shortener.access.scopes import Scope
from shortener.http.openapi import Tag, errors
from shortener.http.parts import PROXIES
from shortener.live.channels import MAX_CHANNELS, InvalidChannel, read_channels
from shortener.live.doors import NoRoomForListeners, TooManyListeners
from shortener.live.joining import InvalidPlace, UnknownChannel, join, read_place
from shortener.live.parts import DOORS, HUB, TICKETS
from shortener.live.schemas import LiveMessage, TicketOut
from shortener.live.sockets import live_socket
from shortener.live.streams import MEDIA_TYPE, EventStream
from shortener.live.tickets import LIFETIME_S, Tickets
from shortener.parts import parts_of

TAG = Tag("live", "Messages as things happen, as server-sent events or by WebSocket.")

router = APIRouter(prefix="/api/v1/live", tags=[TAG], route_class=ApiRoute)
router.add_websocket_route("/api/v1/live", live_socket, name="live_socket")

ChannelNames = Annotated[
    list[str],
    Query(
        alias="channel",
        min_length=1,
        max_length=MAX_CHANNELS,
        description="`me`, `link:` and a link's id, or `workspace:` and a workspace's id. Can be repeated.",
        examples=[["me", "link:lnk_5d4gp3m80p1f5"]],
    ),
]
_PLACE = "The `id` of the last message that you have. What came since then comes first."
_EVENTS = {"content": {MEDIA_TYPE: {"schema": LiveMessage.model_json_schema()}}, "description": "Messages."}


@router.get(
    "",
    response_class=Response,
    responses={
        200: _EVENTS,
        **errors(InvalidChannel, InvalidPlace, UnknownChannel, TooManyListeners, NoRoomForListeners),
    },
    dependencies=[needs(Scope.LINKS_READ)],
)
async def get_live(
    channel: ChannelNames,
    request: Request,
    caller: CallerDep,
    after: Annotated[str | None, Query(max_length=40, description=_PLACE)] = None,
    last_event_id: Annotated[str | None, Header(max_length=40, description="As `after`.")] = None,
    follow: Annotated[bool, Query(description="Go on with what happens. Otherwise only what you missed.")] = True,
) -> Response:
    """Messages of channels, as server-sent events (docs/live.md). Rights are judged now and after each change. Clicks
    need the scope `stats:read` as well. The same path is a WebSocket with the same messages."""
    return await open_stream(request, caller, channel, after or last_event_id, follow=follow)


async def open_stream(
    request: Request, caller: Caller, names: Sequence[str], after: str | None, *, follow: bool = True
) -> EventStream:
    """The messages of these channels. Raises InvalidChannel, InvalidPlace, UnknownChannel, TooManyListeners,
    NoRoomForListeners."""
    parts, channels, place = parts_of(request), read_channels(names, caller.user_id), read_place(after)
    with contextlib.ExitStack() as stack:
        stack.enter_context(parts[DOORS].entered(caller.user_id))
        client = parts[PROXIES].client_of(request.scope)
        listener = await join(parts[HUB], principal_of(request), caller, client, channels, place)
        if not follow:
            parts[HUB].close(listener, "not_following")
        return EventStream(parts[HUB], listener, stack.pop_all().close)


@router.post("/tickets", status_code=http.HTTP_201_CREATED, dependencies=[needs_known(Scope.LINKS_READ)])
async def create_ticket(principal: Known, tickets: Annotated[Tickets, Depends(TICKETS)]) -> TicketOut:
    """A ticket for one WebSocket of a browser, within 30 seconds. Programs send their credential in a header
    instead."""
    return TicketOut(ticket=tickets.make(principal), expires_in=LIFETIME_S)
