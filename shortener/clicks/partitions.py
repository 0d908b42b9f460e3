"""Partitions: single clicks by month, visitors by day."""

from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import asyncpg

Day = TypeVar("Day", date, datetime)

_LOCK_ID = 0x636C69636B73  # Any constant: one process at a time creates partitions.


def month_of(day: date) -> date:
    return day.replace(day=1)


def next_month(day: Day) -> Day:
    """The first day of the next month, at the same time of day."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


async def ensure_partitions(connection: asyncpg.Connection, days: set[date], *, visitors: bool = True) -> None:
    """Create the partitions for clicks and visitors of these UTC days. Safe to call concurrently."""
    months = {month_of(day) for day in days}
    # Creating a partition locks its parent. The order is the writer's, so that the two never deadlock.
    wanted = {f"click_visitors_{d:%Y%m%d}": ("click_visitors", d, d + timedelta(days=1)) for d in days if visitors}
    wanted |= {f"clicks_{m:%Y%m}": ("clicks", m, next_month(m)) for m in months}
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_ID)
        present = {
            row["relname"]
            for row in await connection.fetch(
                "SELECT relname FROM pg_class WHERE relname = ANY($1::text[]) AND pg_table_is_visible(oid)",
                list(wanted),
            )
        }
        for name, (parent, start, end) in wanted.items():
            if name not in present:
                # Names and bounds consist of dates only. A month begins at UTC midnight in any session's time zone.
                since, until = (f"{d}" if parent == "click_visitors" else f"{d} 00:00:00+00" for d in (start, end))
                await connection.execute(
                    f"CREATE TABLE {name} PARTITION OF {parent} FOR VALUES FROM ('{since}') TO ('{until}')"
                )


async def ensure_partitions_ahead(connection: asyncpg.Connection) -> None:
    """Create this month's and the next month's partitions, and those of the next days, so that writing never waits for
    one."""
    today = datetime.now(UTC).date()
    ahead = {today + timedelta(days=n) for n in range(-1, 4)}
    await ensure_partitions(connection, ahead | {next_month(today)})


async def drop_visitor_partitions(connection: asyncpg.Connection, before: date) -> int:
    """Drop the visitors of days before this one."""
    rows = await connection.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = 'click_visitors'::regclass AND c.relname < $1",
        f"click_visitors_{before:%Y%m%d}",
    )
    for row in rows:
        await connection.execute(f"DROP TABLE {row['relname']}")
    return len(rows)
