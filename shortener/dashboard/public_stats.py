"""/{code}/stats: figures of a link for anybody, where the link says so."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from shortener.dashboard.asked_figures import read_asked, span_title
from shortener.dashboard.charts import series
from shortener.dashboard.page import render
from shortener.dashboard.panels import bucket_label, panels_of, points_of
from shortener.dashboard.routes import OpenRoute
from shortener.figures.public import RedirectsDep, public_target, stored_code_of
from shortener.figures.stats import figures
from shortener.links.conditions import Host
from shortener.links.models import Link
from shortener.parts import parts_of
from shortener.redirect.hosts import qualified, short_url, split_code
from shortener.stores.sessions import Reader

router = APIRouter(route_class=OpenRoute, include_in_schema=False)

SPANS = ("7d", "30d", "90d", "12m", "all")
# Names of rules, variants and campaigns are for those who made them.
SHOWN = {"referrers", "countries", "browsers", "systems", "devices", "languages"}


@router.head("/{code}/stats")
@router.get("/{code}/stats")
async def public_stats(
    code: str,
    request: Request,
    session: Reader,
    redirects: RedirectsDep,
    domain: Annotated[Host | None, Query()] = None,
) -> Response:
    """On a domain, which has no files of pages, the address leads to the service's own."""
    base_url = parts_of(request).settings.base_url
    stored_code = stored_code_of(redirects, request, code)
    own_domain = split_code(stored_code)[0]
    if own_domain is not None:
        await public_target(redirects, request, stored_code)
        return Response(status_code=302, headers={"Location": f"{base_url}/{code}/stats?domain={own_domain}"})
    stored_code = qualified(stored_code, domain)
    target = await public_target(redirects, request, stored_code)
    link = await session.get_one(Link, target.link_id)
    wanted = read_asked(request, link.created_at)
    wanted = wanted._replace(asked=wanted.asked._replace(bots=False))
    found = await figures(session, target.link_id, wanted.asked)
    interval = wanted.asked.interval
    values = {
        "here": request.url.path,
        "short_url": short_url(base_url, stored_code),
        "found": found,
        "chart": series(points_of(found.series, [], [], interval, wanted.days), is_running=wanted.is_running),
        "panels": [panel for panel in panels_of(found, None) if panel.name in SHOWN],
        "spans": {name: span_title(name) for name in SPANS},
        "span": wanted.span,
        "asked": {"domain": domain},
        "bucket_label": lambda bucket: bucket_label(bucket.start, interval),
    }
    return render(request, "public_stats.html", values)
