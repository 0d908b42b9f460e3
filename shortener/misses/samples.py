"""Made-up misses for trying things out."""

from collections import Counter
from datetime import UTC, datetime
from random import Random

import asyncpg

from shortener.clicks.event import Click
from shortener.misses.batch import DAY_MS, Kind, Single, new_batch
from shortener.misses.frequent import Frequent
from shortener.misses.store import MissStore
from shortener.places.locator import built_in

# Scanners, misspelt codes, and what browsers and search engines look for.
_PATHS = {
    "/": Kind.ROOT,
    "/wp-login.php": Kind.PATH,
    "/.env": Kind.PATH,
    "/sitemap.xml": Kind.PATH,
    "/apple-touch-icon.png": Kind.PATH,
    "/xmlrpc.php": Kind.PATH,
    "/.git/config": Kind.PATH,
    "/sommer-2025": Kind.CODE,
    "/wiki2": Kind.CODE,
    "/newsleter": Kind.CODE,
}
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "python-requests/2.32",
)
_MOST_PER_DAY = 300


async def make_misses(
    connection: asyncpg.Connection, chance: Random, days: int, max_paths: int, max_singles: int
) -> None:
    """Make misses on this many days before today."""
    store = MissStore(built_in, max_paths, max_singles)
    today = int(datetime.now(UTC).timestamp() * 1000) // DAY_MS
    for day in range(today - days, today):
        singles = [_single(chance, day) for _ in range(chance.randint(_MOST_PER_DAY // 3, _MOST_PER_DAY))]
        frequent = Frequent(len(_PATHS))
        for single in singles:
            frequent.add((single.kind, single.path), single.click.at_ms)
        totals = Counter(single.kind for single in singles)
        await store.write(connection, new_batch(day, dict(totals), frequent, singles))


def _single(chance: Random, day: int) -> Single:
    """The first paths are the most frequent."""
    place = int(chance.random() ** 2 * len(_PATHS))
    path, kind = list(_PATHS.items())[place]
    at_ms = day * DAY_MS + chance.randrange(DAY_MS)
    address = f"{chance.randint(11, 99)}.0.2.1"
    return Single(chance.random(), kind, path, Click(0, at_ms, address, chance.choice(_AGENTS), ""))
