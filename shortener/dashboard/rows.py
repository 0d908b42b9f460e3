"""Links as lists show them."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import Caller, WorkspaceRef, readable
from shortener.dashboard.templates import query
from shortener.dashboard.wording import _, spoken
from shortener.event_loop.slices import gathered
from shortener.figures.asked import UTC_ZONE, Asked
from shortener.figures.groups import WORKSPACE
from shortener.figures.groups_api import subject_of
from shortener.figures.spans import Interval, whole_quarters
from shortener.figures.top_links import top_links
from shortener.http.pagination import Order, Page
from shortener.links.choices import Sort
from shortener.links.filters import LinkFilter
from shortener.links.listing import list_links
from shortener.links.models import Link
from shortener.links.routes import link_out
from shortener.links.schemas import LinkOut
from shortener.links.sparklines import sparklines
from shortener.parts import parts_of
from shortener.redirect.hosts import qualified
from shortener.stores.parts import DATABASE

SPARK_DAYS = 14
SOON = timedelta(days=7)


class State(NamedTuple):
    """`kind` is for the sheet, `icon` and `text` for people."""

    kind: str
    icon: str
    text: str


class Row(NamedTuple):
    link: LinkOut
    state: State | None
    days: list[int]


async def newest_rows(
    request: Request, session: AsyncSession, caller: Caller, place: WorkspaceRef | None, limit: int
) -> list[Row]:
    """Raises UnknownWorkspace."""
    options = {"sort": Sort.CREATED_AT, "order": Order.DESC, "limit": limit, "cursor": None}
    rows, _page = await read_rows(request, session, caller, place, LinkFilter(), **options)
    return rows


async def read_rows(
    request: Request,
    session: AsyncSession,
    caller: Caller,
    place: WorkspaceRef | None,
    asked: LinkFilter,
    **options: Any,
) -> tuple[list[Row], Page]:
    """Raises UnknownWorkspace, InvalidCursor."""
    parts = parts_of(request)
    async with parts[DATABASE].driver_connection() as connection:
        workspace_id = await readable(connection, caller, place)
    page = await list_links(session, workspace_id, asked, parts.settings.base_url, **options)
    return await rows_of(request, session, page), page


async def rows_of(request: Request, session: AsyncSession, page: Page) -> list[Row]:
    """The links of a page of `list_links`."""
    days = await sparklines(session, [row[0].id for row in page.rows])
    now = datetime.now(UTC)

    def row(link: Link, clicks: int) -> Row:
        shown = link_out(request, link, clicks)
        return Row(shown, state_of(shown, now), days[link.id][-SPARK_DAYS:])

    # In slices: a page of links with many rules takes long.
    return await gathered(row(link, clicks) for link, clicks, *_keys in page.rows)


class Clicked(NamedTuple):
    """A link with its clicks in a span. `query` is what its pages need besides the code."""

    code: str
    query: str
    short: str
    title: str | None
    clicks: int


async def most_clicked_in(session: AsyncSession, workspace_id: uuid.UUID | None, span: timedelta) -> list[Clicked]:
    """Of the workspace's links, those with the most clicks in the span up to now."""
    now = datetime.now(UTC)
    start, end = whole_quarters(now - span, now)
    group = await subject_of(session, WORKSPACE, "" if workspace_id is None else str(workspace_id))
    return await most_clicked(session, group, Asked(start, end, Interval.DAY, UTC_ZONE, False, now))


async def most_clicked(session: AsyncSession, group: int, asked: Asked) -> list[Clicked]:
    found = await top_links(session, group, asked)
    return [
        Clicked(
            link["code"],
            "" if link["domain"] is None else query({"domain": link["domain"]}),
            qualified(link["code"], link["domain"]),
            link["title"],
            link["clicks"],
        )
        for link in found
    ]


def state_of(link: LinkOut, now: datetime) -> State | None:
    """The most important thing about a link that does not just work."""
    if link.banned:
        return State("danger", "ban", _("Banned"))
    if link.disabled:
        return State("muted", "circle-pause", _("Disabled"))
    if link.expires_at is not None and link.expires_at <= now:
        return State("muted", "clock", _("Expired"))
    if link.max_clicks is not None and link.clicks >= link.max_clicks:
        return State("muted", "circle-pause", _("Used up"))
    if link.starts_at is not None and link.starts_at > now:
        return State("muted", "calendar", _("Starts %(when)s", when=spoken().ago(link.starts_at)))
    if link.flag is not None:
        return State("warn", "triangle-alert", _("Look-alike"))
    if link.expires_at is not None and link.expires_at - now < SOON:
        return State("warn", "clock", _("Ends %(when)s", when=spoken().ago(link.expires_at)))
    return State("muted", "archive", _("Archived")) if link.archived else None
