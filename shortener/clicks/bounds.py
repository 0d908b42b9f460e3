"""Keeps the counts of a link small, whatever values strangers invent: of each dimension the most frequent values of an
hour are kept, and the rest are counted together as OTHER. Sums stay exact."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import TypeAlias

import asyncpg

from shortener.clicks.models import DIMENSIONS

OTHER = "other"
# Values of a dimension that a round of the writer leaves of a link and hour. At most twice as many are in the table.
KEPT = 100
# Strangers choose these values. Those of the other dimensions are few.
OPEN = frozenset(
    DIMENSIONS[name].number
    for name in (
        "referrers", "browsers", "systems", "cities", "languages", "utm_sources", "utm_mediums", "utm_campaigns",
    )
)  # fmt: skip

# Link, hour since the epoch, dimension, value.
Counted: TypeAlias = tuple[int, int, int, str]

# A dimension of groups of links: the links themselves, by their ids and days.
LINKS, KEPT_LINKS = 100, 300

# Rows of these hours beyond those that are kept, and what is left of a link that has taken values with it which are
# among the others.
FOLD_SQL = f"""
    WITH ranked AS (
        SELECT link_id, start, dimension, value, clicks < 0 OR bots < 0 AS is_owed, row_number() OVER (
            PARTITION BY link_id, start, dimension ORDER BY value = '{OTHER}' DESC, clicks + bots DESC, value
        ) AS place
        FROM ({{hours}}) AS hours JOIN click_breakdown_hourly USING (link_id, start)
        WHERE dimension IN ({", ".join(map(str, sorted({*OPEN, LINKS})))})
    ), gone AS (
        DELETE FROM click_breakdown_hourly AS t USING ranked
        WHERE (is_owed OR place > CASE t.dimension WHEN {LINKS} THEN {KEPT_LINKS} ELSE {KEPT} END)
            AND t.value <> '{OTHER}' AND (t.link_id, t.start, t.dimension, t.value)
            = (ranked.link_id, ranked.start, ranked.dimension, ranked.value)
        RETURNING t.link_id, t.start, t.dimension, t.clicks, t.bots
    )
    INSERT INTO click_breakdown_hourly AS t (link_id, start, dimension, value, clicks, bots)
    SELECT link_id, start, dimension, '{OTHER}', sum(clicks), sum(bots) FROM gone GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (link_id, start, dimension, value) DO UPDATE SET clicks = t.clicks + excluded.clicks,
        bots = t.bots + excluded.bots
"""


def fold_counts(counters: Sequence[Counter[Counted]], clicks_by_link: Counter[int]) -> None:
    """Fold values beyond KEPT of the counters together."""
    busy = {link for link, clicks in clicks_by_link.items() if clicks > KEPT}
    if not busy:
        return
    keys_of: defaultdict[tuple[int, int, int], list[Counted]] = defaultdict(list)
    for key in {key for key in chain(*counters) if key[0] in busy and key[2] in OPEN}:
        keys_of[key[:3]].append(key)
    for place, keys in keys_of.items():
        if len(keys) > KEPT:
            keys.sort(key=lambda key: (-sum(counter[key] for counter in counters), key[3]))
            for counter in counters:
                other = sum(counter.pop(key, 0) for key in keys[KEPT:])
                if other:
                    counter[*place, OTHER] += other


_FOLD_HOURS_SQL = FOLD_SQL.format(hours="SELECT * FROM unnest($1::bigint[], $2::timestamptz[]) AS h (link_id, start)")


async def fold_rows(connection: asyncpg.Connection, hours: set[tuple[int, int]]) -> None:
    """Fold rows beyond KEPT of these links and hours since the epoch together."""
    ordered = sorted(hours)
    links = [link for link, _ in ordered]
    starts = [datetime.fromtimestamp(hour * 3600, UTC) for _, hour in ordered]
    await connection.execute(_FOLD_HOURS_SQL, links, starts)
