"""Figures of a link, of a tag and of a domain: numbers, a chart, and where clicks come from."""

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.models import Role
from shortener.access.routes import CallerDep
from shortener.comments.service import count_unread
from shortener.dashboard.asked_figures import MOST_LINKS, AskedFigures, read_asked, span_title
from shortener.dashboard.charts import series
from shortener.dashboard.overlays import line_of_value, lines_of_links
from shortener.dashboard.page import render
from shortener.dashboard.panels import Line, bucket_label, panels_of, points_of, week_of
from shortener.dashboard.reader import VisitorDep
from shortener.dashboard.routes import PageRoute, PersonRoute
from shortener.dashboard.rows import most_clicked, state_of
from shortener.dashboard.spans import KEYS
from shortener.dashboard.templates import name_of
from shortener.domains.api import Domains, GroupOfDomain, HostPath
from shortener.event_loop.slices import gathered
from shortener.figures.groups_api import group_of_tag
from shortener.figures.stats import figures
from shortener.http.csv_lines import CSV, csv_line
from shortener.http.downloads import download
from shortener.links.routes import ExistingCode, Links, link_out
from shortener.stores.sessions import Reader, Writer
from shortener.tags import service as tags
from shortener.tags.answers import tag_out
from shortener.tags.api import TagPath

router = APIRouter(prefix="/-/links", route_class=PageRoute, include_in_schema=False)
tag_router = APIRouter(prefix="/-/tags", route_class=PageRoute, include_in_schema=False)
domain_router = APIRouter(prefix="/-/domains", route_class=PersonRoute, include_in_schema=False)


@router.head("/{code}")
@router.get("/{code}")
async def link_figures(
    code: ExistingCode,
    request: Request,
    session: Writer,
    replica: Reader,
    caller: CallerDep,
    visitor: VisitorDep,
    links: Links,
) -> Response:
    link, clicks = await links.get(session, caller, code)
    shown = link_out(request, link, clicks)
    # A transaction that fails takes the link's members away.
    number, asked = link.id, read_asked(request, link.created_at)
    others, unknown = await lines_of_links(request, session, replica, caller, links, asked)
    values = {
        "visitor": visitor,
        "link": shown,
        "state": state_of(shown, datetime.now(UTC)),
        "may_write": visitor.may_write_in(shown.workspace),
        **await view_of(replica, number, asked, f"/-/links/{name_of(shown)}", others),
        "not_compared": unknown,
        "most_others": MOST_LINKS,
        "unread_comments": await count_unread(session, caller, number) if visitor.email else 0,
    }
    return render(request, "figures.html", values)


@router.get("/{code}/series.csv")
async def link_series(
    code: ExistingCode, request: Request, session: Writer, replica: Reader, caller: CallerDep, links: Links
) -> Response:
    link, _clicks = await links.get(session, caller, code)
    return await _series_file(replica, link.id, read_asked(request, link.created_at))


@tag_router.get("/{tag}/series.csv")
async def tag_series(
    tag: TagPath, request: Request, session: Writer, replica: Reader, caller: CallerDep, visitor: VisitorDep
) -> Response:
    found = await tags.get(session, caller, visitor.place, tag)
    group = await group_of_tag(request, replica, caller, tag, visitor.place)
    return await _series_file(replica, group, read_asked(request, found.tag.created_at).in_quarters())


@domain_router.get("/{host}/series.csv")
async def domain_series(
    host: HostPath,
    group: GroupOfDomain,
    request: Request,
    session: Writer,
    replica: Reader,
    caller: CallerDep,
    domains: Domains,
) -> Response:
    domain = await domains.get(session, caller, host)
    return await _series_file(replica, group, read_asked(request, domain.created_at).in_quarters())


async def _series_file(session: AsyncSession, subject: int, wanted: AskedFigures) -> Response:
    """The points of the chart."""
    found = await figures(session, subject, wanted.asked)

    async def pieces() -> AsyncGenerator[str, None]:
        rows = ([each.start.isoformat(), each.clicks, each.visitors, each.bots] for each in found.series)
        yield csv_line(["start", "clicks", "visitors", "bots"]) + "".join(await gathered(map(csv_line, rows)))

    return await download(pieces(), CSV, f"clicks-by-{wanted.asked.interval}.csv")


@tag_router.head("/{tag}")
@tag_router.get("/{tag}")
async def tag_figures(
    tag: TagPath, request: Request, session: Writer, replica: Reader, caller: CallerDep, visitor: VisitorDep
) -> Response:
    shown = tag_out(await tags.get(session, caller, visitor.place, tag))
    group = await group_of_tag(request, replica, caller, tag, visitor.place)
    asked = read_asked(request, shown.created_at)
    values = {"visitor": visitor, "tag": shown, "title": shown.name, "color": shown.color}
    values |= await _group_view(replica, group, asked, f"/-/tags/{quote(shown.name, safe='')}")
    values |= {"workspace": visitor.space and visitor.space.id}
    values |= {"links": shown.links, "search": f"tag:{shown.name}", "settings_path": visitor.may_write and "/edit"}
    return render(request, "group_figures.html", values)


@domain_router.head("/{host}")
@domain_router.get("/{host}")
async def domain_figures(
    host: HostPath,
    group: GroupOfDomain,
    request: Request,
    session: Writer,
    replica: Reader,
    caller: CallerDep,
    visitor: VisitorDep,
    domains: Domains,
) -> Response:
    domain = await domains.get(session, caller, host)
    is_owner = visitor.role_in(domain.workspace_id) is Role.OWNER
    values: dict[str, Any] = {"visitor": visitor, "title": domain.host, "color": None, "links": None}
    values |= {"workspace": domain.workspace_id, "search": f"domain:{domain.host}"}
    values |= await _group_view(replica, group, read_asked(request, domain.created_at), f"/-/domains/{domain.host}")
    return render(request, "group_figures.html", values | {"settings_path": is_owner and "/settings"})


async def _group_view(session: AsyncSession, group: int, asked: AskedFigures, here: str) -> dict[str, Any]:
    asked = asked.in_quarters()
    view = await view_of(session, group, asked, here)
    return view | {"top_links": await most_clicked(session, group, asked.asked)}


async def view_of(
    session: AsyncSession, subject: int, wanted: AskedFigures, here: str, others: Sequence[Line] = ()
) -> dict[str, Any]:
    """The values of the view. `here` is the path of its page, and `others` are lines of other links. Raises
    InvalidSpan."""
    asked = wanted.asked
    found = await figures(session, subject, asked)
    before = await figures(session, subject, wanted.earlier, found.breakdowns) if wanted.earlier else None
    days, lines = wanted.days, [*await line_of_value(session, subject, wanted), *others]
    points = points_of(found.series, before.series if before else [], lines, asked.interval, days)
    return {
        "here": here,
        "found": found,
        "before": before,
        "chart": series(points, [line.values for line in lines], is_running=wanted.is_running),
        "lines": lines,
        "has_value": wanted.value is not None,
        "interval": asked.interval.value,
        "panels": list(panels_of(found, before)),
        "week": week_of(found.breakdowns["hours_of_week"]),
        "best": max(found.series, key=lambda bucket: bucket.clicks, default=None) if found.clicks else None,
        "days": days,
        "earlier": days.moved(-1),
        "later": None if wanted.is_running else days.moved(1),
        "span": wanted.span,
        "spans": {each: (span_title(each), key) for each, key in KEYS.items()},
        "compare": wanted.compare,
        "bots": wanted.bots,
        "asked": wanted.kept,
        "filter_query": lambda value: urlencode(value | wanted.of_clicks),
        "bucket_label": lambda bucket: bucket_label(bucket.start, asked.interval),
    }
