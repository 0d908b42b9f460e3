"""Merges batches of misses into the tables of their days, each batch exactly once and within the bounds."""

import secrets
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter

import asyncpg

from shortener.clicks.enrich import EnrichedClick, days, enrich
from shortener.clicks.writer import enter_in_ledger
from shortener.misses.batch import Kind, MissBatch, Single
from shortener.misses.frequent import Count, Frequent, Key
from shortener.places.locator import Locate

_EPOCH = date(1970, 1, 1)

# Who adds to a day waits here for others.
_TOTALS_SQL = """
    INSERT INTO miss_days AS d (day, code, root, path, floor) VALUES ($1, $2, $3, $4, 0)
    ON CONFLICT (day) DO UPDATE
    SET code = d.code + excluded.code, root = d.root + excluded.root, path = d.path + excluded.path
    RETURNING floor
"""
_PATHS_SQL = "SELECT kind, path, count, error, last_at FROM miss_paths WHERE day = $1"
_FLOOR_SQL = "UPDATE miss_days SET floor = $2 WHERE day = $1"
_DROP_SQL = """
    DELETE FROM miss_paths AS p USING unnest($2::text[], $3::text[]) AS d (kind, path)
    WHERE p.day = $1 AND p.kind = d.kind AND p.path = d.path
"""
_PUT_SQL = """
    INSERT INTO miss_paths (day, kind, path, count, error, last_at)
    SELECT $1, kind, path, count, error, to_timestamp(last_ms / 1000.0)
    FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
        AS c (kind, path, count, error, last_ms)
    ON CONFLICT (day, kind, path) DO UPDATE
    SET count = excluded.count, error = excluded.error, last_at = excluded.last_at
"""
_SINGLE_COLUMNS = (
    "day", "draw", "at", "kind", "path", "bot", "country", "referrer_host", "referrer", "browser", "system", "device",
    "user_agent",
)  # fmt: skip
_THIN_OUT_SQL = """
    DELETE FROM misses
    WHERE day = $1 AND draw > (SELECT draw FROM misses WHERE day = $1 ORDER BY draw OFFSET $2 - 1 LIMIT 1)
"""


class MissStore:
    """Writes batches. `max_paths` and `max_singles` bound the rows of a day."""

    def __init__(self, locate: Locate, max_paths: int, max_singles: int) -> None:
        self._locate = locate
        self._max_paths = max_paths
        self._max_singles = max_singles

    async def write(self, connection: asyncpg.Connection, batch: MissBatch) -> bool:
        """Whether the batch is new. Raises asyncpg's errors; then nothing is written."""
        day = _EPOCH + timedelta(days=batch.day)
        enriched = self._enriched(batch.singles)
        async with connection.transaction():
            if not await enter_in_ledger(connection, [batch.id]):
                return False
            totals = (batch.totals.get(kind, 0) for kind in (Kind.CODE, Kind.ROOT, Kind.PATH))
            floor: int = await connection.fetchval(_TOTALS_SQL, day, *totals)
            await self._add_paths(connection, day, batch, floor)
            await self._add_singles(connection, day, batch.singles, enriched)
        return True

    def _enriched(self, singles: Iterable[Single]) -> list[EnrichedClick]:
        now = datetime.now(UTC)
        clicks = [single.click for single in singles]
        # Visitors of misses are not counted: nobody keeps these salts.
        salts = {day: secrets.token_bytes(32) for day in days(clicks, now)}
        return list(enrich(clicks, salts, now, self._locate))

    async def _add_paths(self, connection: asyncpg.Connection, day: date, batch: MissBatch, floor: int) -> None:
        rows = await connection.fetch(_PATHS_SQL, day)
        before: dict[Key, Count] = {(row["kind"], row["path"]): _count_of(row) for row in rows}
        frequent = Frequent(self._max_paths, before, floor)
        frequent.merge(batch.frequent())
        dropped = before.keys() - frequent.counts.keys()
        if dropped:
            await connection.execute(_DROP_SQL, day, *_columns(dropped, 2))
        changed = {key: count for key, count in frequent.counts.items() if before.get(key) != count}
        values = ((*key, count.count, count.error, count.last_ms) for key, count in changed.items())
        await connection.execute(_PUT_SQL, day, *_columns(values, 5))
        await connection.execute(_FLOOR_SQL, day, frequent.floor)

    async def _add_singles(
        self, connection: asyncpg.Connection, day: date, singles: list[Single], enriched: list[EnrichedClick]
    ) -> None:
        records = [
            (
                day, single.draw, e.at, single.kind, single.path, e.bot, e.country, e.referrer_host, e.referrer,
                e.browser, e.system, e.device, e.user_agent,
            )
            for single, e in zip(singles, enriched, strict=True)
        ]  # fmt: skip
        await connection.copy_records_to_table("misses", records=records, columns=_SINGLE_COLUMNS)
        await connection.execute(_THIN_OUT_SQL, day, self._max_singles)


async def forget_misses(connection: asyncpg.Connection, keep_days: int) -> None:
    """Delete days that are over for longer than this."""
    oldest = datetime.now(UTC).date() - timedelta(days=keep_days)
    for table in ("misses", "miss_paths", "miss_days"):
        await connection.execute(f"DELETE FROM {table} WHERE day < $1", oldest)  # noqa: S608  (names of tables)


def _count_of(row: asyncpg.Record) -> Count:
    return Count(row["count"], row["error"], round(row["last_at"].timestamp() * 1000))


def _columns(rows: Iterable[tuple[object, ...]], width: int) -> list[list[object]]:
    every = list(rows)
    return [list(map(itemgetter(n), every)) for n in range(width)]
