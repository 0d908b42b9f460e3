"""What the command line shows of figures."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from rich.console import Group
from rich.table import Table

from shortener.access.memberships import OPERATOR
from shortener.figures.schemas import read_span
from shortener.figures.spans import Interval
from shortener.figures.stats import Figures, figures
from shortener.links.commands import link_service
from shortener.links.models import Link
from shortener.processes.opened import opened
from shortener.settings import Settings


async def stats(settings: Settings, code: str) -> Group:
    """The figures of a link's last 30 days. Raises ShortenerError."""
    zone = ZoneInfo("UTC")
    now = datetime.now(UTC)
    start, end = read_span(None, None, Interval.DAY, zone, now)
    async with opened(settings) as servers, servers.database.replica_session() as session:
        links = await link_service(settings, servers)
        link, total = await links.get(session, OPERATOR, code)
        found = await figures(session, link.id, start, end, Interval.DAY, zone, bots=False, now=now)
    return _show(settings, link, total, found)


def _show(settings: Settings, link: Link, total: int, found: Figures) -> Group:
    head = Table.grid(padding=(0, 2))
    head.add_row("link", f"{settings.base_url}/{link.code} → {link.url}")
    head.add_row("clicks", f"{total} in all; {found.clicks} in the last 30 days")
    head.add_row("visitors", str(found.visitors))
    head.add_row("bots", str(found.bots))
    values = Table(box=None, padding=(0, 2))
    for name in ("", "value", "clicks"):
        values.add_column(name, justify="right" if name == "clicks" else "left")
    for name, counts in found.breakdowns.items():
        for n, count in enumerate(counts[:5]):
            values.add_row(name if n == 0 else "", count.value or "–", str(count.clicks))
    return Group(head, values) if values.row_count else Group(head)
