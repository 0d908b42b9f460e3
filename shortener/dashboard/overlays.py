"""More lines in a chart: that of one value, and those of other links."""

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import Caller
from shortener.dashboard.asked_figures import AskedFigures
from shortener.dashboard.panels import FILTERS, Line, value_label
from shortener.dashboard.templates import short_of
from shortener.figures.dimensions import value_series
from shortener.figures.stats import read_series
from shortener.links.answers import link_out
from shortener.links.codes import CUSTOM_CODE
from shortener.links.lookup import UnknownLink
from shortener.links.parts import DIRECTORY
from shortener.links.service import LinkService
from shortener.moderation.reports import code_of
from shortener.parts import Parts, parts_of
from shortener.redirect.parts import HOSTS
from shortener.screening.parts import BAN_LIST
from shortener.text import log_line


async def line_of_value(session: AsyncSession, subject: int, wanted: AskedFigures) -> list[Line]:
    """The line of the value that the address names, if it names one."""
    if wanted.value is None:
        return []
    name, value = wanted.value
    series = await value_series(session, subject, wanted.asked, name, value)
    filter_ = {FILTERS[name]: value} if name in FILTERS else None
    return [Line(log_line(value_label(name, value)), [point.clicks for point in series], {"value": None}, filter_)]


async def lines_of_links(
    request: Request,
    session: AsyncSession,
    replica: AsyncSession,
    caller: Caller,
    links: LinkService,
    asked: AskedFigures,
) -> tuple[list[Line], list[str]]:
    """The lines of the links that the address names, and those names that belong to no link of the reader's."""
    parts = parts_of(request)
    lines, unknown = [], []
    for name in asked.others:
        try:
            link, clicks = await links.get(session, caller, _code(parts, name))
        except (UnknownLink, ValueError):
            unknown.append(name)
            continue
        shown = link_out(link, clicks, parts.settings.base_url, parts[BAN_LIST])
        series = await read_series(replica, link.id, asked.asked)
        others = [other for other in asked.others if other != name]
        title = log_line(shown.title or short_of(shown))
        lines.append(Line(title, [bucket.clicks for bucket in series], {"with": others or None}))
    return lines, unknown


def _code(parts: Parts, name: str) -> str:
    """The code or id of a link that somebody named, by that or by its short URL. Raises ValueError."""
    if "/" in name:
        return code_of(name, parts[DIRECTORY].own, parts[HOSTS].sites)
    if CUSTOM_CODE.fullmatch(name) is None:
        raise ValueError("not a code")
    return name
