"""Keeps the counts of groups of links, such as those of a workspace. Another kind is another branch of `_WANTED`.

The counts of a group are rows of the tables of links, under its negative id, so that the same statements read, bound
and sum them up. One process at a time changes them. In one snapshot it adds the rounds that the writer has left, then
takes links out of groups and into them, each with all its counts. So the counts of a group are those of its members.
"""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from shortener.clicks.bounds import FOLD_SQL, LINKS

WORKSPACE, TAG, DOMAIN = "workspace", "tag", "domain"
# Rounds that one transaction adds. While there are more, no link changes its groups.
ROUNDS = 100
# Links whose counts one transaction moves, and about how many clicks they have together: some minutes of work. A group
# has the same hours and values in each transaction, so that a few large ones write much less than many small ones.
MOVES, MOVED_CLICKS = 100_000, 5_000_000
_LOCK_ID = 0x67726F7570  # Any constant.
_TIMEOUT_S = 1800.0

# Only links with clicks; $1 are their ids.
_WANTED = """
    SELECT id AS link_id, 'workspace' AS kind, coalesce(workspace_id::text, '') AS key FROM links
    WHERE id = ANY($1::bigint[]) AND EXISTS (SELECT FROM click_totals WHERE link_id = links.id)
    UNION
    SELECT links.id, 'tag', coalesce(merged_into, tags.id)::text FROM links
    CROSS JOIN unnest(tag_ids) AS tag_id JOIN tags ON tags.id = tag_id
    WHERE links.id = ANY($1::bigint[]) AND EXISTS (SELECT FROM click_totals WHERE link_id = links.id)
        AND (NOT is_gone OR merged_into IS NOT NULL)
    UNION
    SELECT id, 'domain', split_part(code, '/', 1) FROM links
    WHERE id = ANY($1::bigint[]) AND strpos(code, '/') > 0
        AND EXISTS (SELECT FROM click_totals WHERE link_id = links.id)
"""
_SERIES = "unnest(links::bigint[], quarters::bigint[], clicks::bigint[], visitors::bigint[], bots::bigint[])"
_OF_ROUNDS = f"""
    SELECT -group_id AS subject, c.* FROM click_rounds
    CROSS JOIN LATERAL {_SERIES} AS c (link_id, quarter, clicks, visitors, bots)
    JOIN group_members USING (link_id) WHERE click_rounds.id = ANY($1::bigint[])
"""
_VALUES_OF_ROUNDS = """
    SELECT -group_id AS subject, c.* FROM click_rounds
    CROSS JOIN LATERAL unnest(value_links::bigint[], value_hours::bigint[], value_dimensions::smallint[], value_texts,
        value_clicks::bigint[], value_bots::bigint[]) AS c (link_id, hour, dimension, value, clicks, bots)
    JOIN group_members USING (link_id) WHERE click_rounds.id = ANY($1::bigint[])
"""
# $1: links, $2: their groups, $3: 1 for one that joins, -1 for one that leaves.
_MOVED = "unnest($1::bigint[], $2::bigint[], $3::int[]) AS m (link_id, group_id, factor)"
_ADD_COUNTS = """
    INSERT INTO {table} AS t (link_id, start, clicks, visitors, bots)
    SELECT subject, start, sum(clicks), sum(visitors), sum(bots) FROM ({rows}) AS r GROUP BY 1, 2
    ON CONFLICT (link_id, start) DO UPDATE SET clicks = t.clicks + excluded.clicks,
        visitors = t.visitors + excluded.visitors, bots = t.bots + excluded.bots
"""
_ADD_VALUES = """
    INSERT INTO click_breakdown_hourly AS t (link_id, start, dimension, value, clicks, bots)
    SELECT subject, start, dimension, value, sum(clicks), sum(bots) FROM ({rows}) AS r GROUP BY 1, 2, 3, 4
    ON CONFLICT (link_id, start, dimension, value) DO UPDATE SET clicks = t.clicks + excluded.clicks,
        bots = t.bots + excluded.bots
"""


def _round_counts(table: str, quarters: int) -> str:
    start = f"to_timestamp(quarter / {quarters} * {quarters} * 900)"
    return _ADD_COUNTS.format(
        table=table, rows=f"SELECT subject, {start} AS start, clicks, visitors, bots FROM ({_OF_ROUNDS}) AS c"
    )


def _moved_counts(table: str) -> str:
    return _ADD_COUNTS.format(
        table=table,
        rows=f"SELECT -group_id AS subject, start, factor * clicks AS clicks, factor * visitors AS visitors, "
        f"factor * bots AS bots FROM {_MOVED} JOIN {table} USING (link_id)",
    )


_ROUND_SQL = (
    _round_counts("click_counts_15min", 1),
    _round_counts("click_counts_daily", 96),
    _ADD_VALUES.format(
        rows=f"SELECT subject, to_timestamp(hour * 3600) AS start, dimension, value, clicks, bots "
        f"FROM ({_VALUES_OF_ROUNDS}) AS c UNION ALL "
        f"SELECT subject, to_timestamp(quarter / 96 * 86400), {LINKS}, link_id::text, clicks, bots "
        f"FROM ({_OF_ROUNDS}) AS c"
    ),
    FOLD_SQL.format(
        hours=f"SELECT DISTINCT subject AS link_id, to_timestamp(hour * 3600) AS start FROM ({_VALUES_OF_ROUNDS}) AS c "
        f"UNION SELECT DISTINCT subject, to_timestamp(quarter / 96 * 86400) FROM ({_OF_ROUNDS}) AS c"
    ),
)
_MOVE_SQL = (
    _moved_counts("click_counts_15min"),
    _moved_counts("click_counts_daily"),
    _ADD_VALUES.format(
        rows=f"SELECT -group_id AS subject, start, dimension, value, factor * clicks AS clicks, factor * bots AS bots "
        f"FROM {_MOVED} JOIN click_breakdown_hourly USING (link_id) UNION ALL "
        f"SELECT -group_id, start, {LINKS}, link_id::text, factor * clicks, factor * bots "
        f"FROM {_MOVED} JOIN click_counts_daily USING (link_id)"
    ),
    FOLD_SQL.format(
        hours=f"SELECT DISTINCT -group_id AS link_id, start FROM {_MOVED} JOIN click_breakdown_hourly USING (link_id) "
        f"UNION SELECT DISTINCT -group_id, start FROM {_MOVED} JOIN click_counts_daily USING (link_id)"
    ),
)
_TABLES = (
    "click_counts_15min", "click_counts_daily", "click_breakdown_hourly", "click_breakdown_daily",
    "click_breakdown_monthly",
)  # fmt: skip
_DRIFTED_SQL = """
    SELECT id FROM figure_groups WHERE
        (SELECT coalesce(sum(clicks + bots), 0) FROM click_counts_daily WHERE link_id = -id) <>
        (SELECT coalesce(sum(clicks + bots), 0) FROM group_members AS m JOIN click_totals USING (link_id)
            WHERE m.group_id = figure_groups.id)
"""


class Kept(NamedTuple):
    """The links that were looked at, whether some have moved, and whether there is more to do for them."""

    links: list[int]
    has_moved: bool
    has_more: bool


async def keep_groups(connection: asyncpg.Connection, links: list[int]) -> Kept | None:
    """Add what the writer has left to groups, and let these links, and those of the rounds, into their groups and out
    of others. None while another process does so."""
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK_ID):
        return None
    try:
        async with connection.transaction(isolation="repeatable_read"):
            return await _keep(connection, links)
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK_ID)


async def _keep(connection: asyncpg.Connection, links: list[int]) -> Kept:
    rounds, has_more = await _add_rounds(connection)
    looked_at = sorted({*links, *rounds})
    if has_more:
        return Kept(looked_at, has_moved=False, has_more=True)
    moved, has_more = await _move(connection, looked_at)
    return Kept(looked_at, has_moved=moved > 0, has_more=has_more)


async def _add_rounds(connection: asyncpg.Connection) -> tuple[list[int], bool]:
    """The links of the added rounds, and whether more rounds wait."""
    ids = [row["id"] for row in await connection.fetch(f"SELECT id FROM click_rounds ORDER BY id LIMIT {ROUNDS + 1}")]
    taken = ids[:ROUNDS]
    if not taken:
        return [], False
    for sql in _ROUND_SQL:
        await connection.execute(sql, taken, timeout=_TIMEOUT_S)
    links = await connection.fetchval(
        "WITH gone AS (DELETE FROM click_rounds WHERE id = ANY($1::bigint[]) RETURNING links) "
        "SELECT array_agg(DISTINCT link_id) FROM gone, unnest(links::bigint[]) AS link_id",
        taken,
    )
    return links, len(ids) > ROUNDS


async def _move(connection: asyncpg.Connection, links: list[int]) -> tuple[int, bool]:
    """How many moves of these links were made, and whether more are left."""
    await connection.execute(
        f"INSERT INTO figure_groups (kind, key) SELECT DISTINCT kind, key FROM ({_WANTED}) AS w ON CONFLICT DO NOTHING",
        links,
    )
    rows = await connection.fetch(
        f"WITH wanted AS (SELECT link_id, id AS group_id FROM ({_WANTED}) AS w JOIN figure_groups USING (kind, key)), "
        "present AS (SELECT link_id, group_id FROM group_members WHERE link_id = ANY($1::bigint[])), "
        "moves AS (SELECT link_id, group_id, 1 AS factor FROM (TABLE wanted EXCEPT TABLE present) AS joining "
        "UNION ALL SELECT link_id, group_id, -1 FROM (TABLE present EXCEPT TABLE wanted) AS leaving) "
        "SELECT link_id, group_id, factor, sum(clicks + bots) OVER (ORDER BY link_id, group_id) AS clicks "
        f"FROM moves LEFT JOIN click_totals USING (link_id) ORDER BY 1, 2 LIMIT {MOVES + 1}",
        links,
    )
    clicks = [0, *(row["clicks"] or 0 for row in rows)]
    moves = [tuple(row)[:3] for row, before in zip(rows[:MOVES], clicks, strict=False) if before < MOVED_CLICKS]
    if moves:
        columns = [list(column) for column in zip(*moves, strict=True)]
        for sql in _MOVE_SQL:
            await connection.execute(sql, *columns, timeout=_TIMEOUT_S)
        await connection.execute(
            "DELETE FROM group_members AS t USING unnest($1::bigint[], $2::bigint[], $3::int[]) AS m (l, g, factor) "
            "WHERE factor < 0 AND (t.link_id, t.group_id) = (l, g)",
            *columns,
        )
        await connection.execute(
            "INSERT INTO group_members SELECT l, g "
            "FROM unnest($1::bigint[], $2::bigint[], $3::int[]) AS m (l, g, factor) WHERE factor > 0",
            *columns,
        )
    return len(moves), len(rows) > len(moves)


async def changed_links(connection: asyncpg.Connection, since: datetime) -> list[int]:
    """Links that were changed since this moment, or have a tag that is gone: they may have changed their groups."""
    sql = (
        "SELECT id FROM links WHERE updated_at > $1 AND updated_at > created_at UNION "
        "SELECT id FROM links WHERE tag_ids && (SELECT coalesce(array_agg(id), '{}') FROM tags WHERE is_gone)"
    )
    return [row["id"] for row in await connection.fetch(sql, since)]


async def next_links(connection: asyncpg.Connection, after: int, limit: int = MOVES) -> list[int]:
    """The next links that have clicks, by id."""
    sql = "SELECT link_id FROM click_totals WHERE link_id > $1 ORDER BY 1 LIMIT $2"
    return [row["link_id"] for row in await connection.fetch(sql, after, limit)]


async def forget_drifted(connection: asyncpg.Connection) -> int:
    """Empty groups whose counts are not those of their members, so that they are filled again; returns their number. A
    worker of a version before leaves no rounds."""
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK_ID):
        return 0
    try:
        async with connection.transaction(isolation="repeatable_read"):
            _, has_more = await _add_rounds(connection)
            if has_more:
                return 0
            ids = [row["id"] for row in await connection.fetch(_DRIFTED_SQL, timeout=_TIMEOUT_S)]
            for table in _TABLES if ids else ():
                await connection.execute(
                    f"DELETE FROM {table} WHERE link_id = ANY($1::bigint[])", [-id_ for id_ in ids]
                )
            await connection.execute("DELETE FROM group_members WHERE group_id = ANY($1::bigint[])", ids)
            return len(ids)
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK_ID)
