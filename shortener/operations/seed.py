"""Links and a year of clicks for trying things out and for benchmarks, made by the database itself.

Counts are summed up from the rows, so that they agree with them as those of real clicks do.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby

import asyncpg

from shortener.clicks.enrich import parse_agent
from shortener.clicks.partitions import ensure_partitions, month_of
from shortener.figures.rollups import sum_up
from shortener.links.codes import generate_codes
from shortener.links.inserts import CodeTaken

_CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 {}Safari/537.36"
_SAFARI = "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 {}Safari/{}"
# With how many of a hundred clicks each comes.
_AGENTS = {
    _CHROME.format("Windows NT 10.0; Win64; x64", ""): 28,
    _CHROME.format("Linux; Android 15; Pixel 9", "Mobile "): 24,
    _SAFARI.format("iPhone; CPU iPhone OS 18_5 like Mac OS X", "Mobile/15E148 ", "604.1"): 20,
    _SAFARI.format("Macintosh; Intel Mac OS X 10_15_7", "", "605.1.15"): 8,
    _CHROME.format("Macintosh; Intel Mac OS X 10_15_7", "") + " Edg/140.0.0.0": 5,
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": 4,
    _SAFARI.format("iPad; CPU OS 18_5 like Mac OS X", "Mobile/15E148 ", "604.1"): 3,
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": 5,
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)": 3,
}
# The first of each come far more often than the last.
_COUNTRY_CODES = """
    US DE GB FR IN BR CA JP NL ES IT AU PL SE CH AT BE MX KR TR ID PT DK NO FI CZ IE AR ZA RO GR HU UA IL SG TH
    VN PH CL CO NZ EG NG KE BG SK HR RS LT LV EE SI LU IS
"""
_HOST_NAMES = """
    google.com t.co facebook.com linkedin.com news.ycombinator.com reddit.com bing.com duckduckgo.com
    youtube.com instagram.com github.com mail.google.com outlook.live.com medium.com substack.com lobste.rs
    heise.de stackoverflow.com wikipedia.org bsky.app mastodon.social ecosia.org yandex.com pinterest.com
    whatsapp.com telegram.org discord.com slack.com notion.so producthunt.com techcrunch.com theverge.com
    spiegel.de bbc.co.uk
"""
_COUNTRIES = _COUNTRY_CODES.split()
HOSTS = ["", *_HOST_NAMES.split()]

_LINKS_SQL = """
    INSERT INTO links (code, url, title, created_at, updated_at)
    SELECT code, 'https://www.example.com/articles/' || n || '/' || code, 'Article ' || n, $2, $2
    FROM unnest($1::text[]) WITH ORDINALITY AS u (code, n) ON CONFLICT DO NOTHING RETURNING id
"""
# A visitor has one country and one agent; a day's visitors are counted at their first click of a link, bots never.
_CLICKS_SQL = """
    INSERT INTO clicks (link_id, at, visitor, is_new_visitor, bot, country, referrer_host, referrer,
        browser, system, device, user_agent)
    SELECT link_id, at, visitor,
        bot IS NULL AND row_number() OVER (PARTITION BY link_id, visitor, bot IS NULL ORDER BY at) = 1,
        bot, country, host, CASE host WHEN '' THEN '' ELSE 'https://' || host || '/' END,
        browser, system, device, user_agent
    FROM (
        SELECT
            ($3::bigint[])[floor(exp(random() * ln(cardinality($3::bigint[]) + 0.999::float8)))::int] AS link_id,
            date_trunc('milliseconds', $1::timestamptz + (random() + random()) / 2 * interval '86399 seconds') AS at,
            hashint8extended(who, extract(epoch FROM $1::timestamptz)::bigint) AS visitor,
            ($4::text[])[1 + floor(power((hashint8(who) & 1023) / 1024.0::float8, 3) * cardinality($4::text[]))::int]
                AS country,
            ($5::text[])[1 + floor(power(random(), 3) * cardinality($5::text[]))::int] AS host,
            1 + ((hashint8extended(who, 1) & 1048575) % 100)::int AS agent
        FROM (SELECT floor(random() * $2::int * 2)::bigint AS who FROM generate_series(1, $2::int)) AS v
    ) AS c
    JOIN unnest($6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
        WITH ORDINALITY AS a (browser, system, device, bot, user_agent, n) ON a.n = agent
"""
# Of these links in one month; they are new, so that there is nothing to add to.
_COUNTS_SQL = (
    """
    INSERT INTO click_counts_15min (link_id, start, clicks, visitors, bots)
    SELECT link_id, date_bin('15 minutes', at, 'epoch'), count(*) - count(bot), count(*) FILTER (WHERE is_new_visitor),
        count(bot)
    FROM clicks WHERE link_id = ANY($1::bigint[]) AND at >= $2 AND at < $3 GROUP BY 1, 2
    """,
    """
    INSERT INTO click_counts_daily (link_id, start, clicks, visitors, bots)
    SELECT link_id, date_bin('1 day', start, 'epoch'), sum(clicks), sum(visitors), sum(bots)
    FROM click_counts_15min WHERE link_id = ANY($1::bigint[]) AND start >= $2 AND start < $3 GROUP BY 1, 2
    """,
    """
    INSERT INTO click_breakdown_hourly (link_id, start, dimension, value, clicks, bots)
    SELECT link_id, hour,
        CASE grouping(referrer_host, country, browser, system, device)
            WHEN 15 THEN 1 WHEN 23 THEN 2 WHEN 27 THEN 3 WHEN 29 THEN 4 ELSE 5 END,
        coalesce(referrer_host, country, browser, system, device), count(*) - count(bot), count(bot)
    FROM (SELECT *, date_bin('1 hour', at, 'epoch') AS hour FROM clicks
        WHERE link_id = ANY($1::bigint[]) AND at >= $2 AND at < $3) AS c
    GROUP BY link_id, hour, GROUPING SETS ((referrer_host), (country), (browser), (system), (device))
    """,
)
_TOTALS_SQL = """
    INSERT INTO click_totals (link_id, clicks, visitors, bots)
    SELECT link_id, sum(clicks), sum(visitors), sum(bots) FROM click_counts_daily WHERE link_id = ANY($1::bigint[])
    GROUP BY 1
"""
_TABLES = (
    "links", "clicks", "click_counts_15min", "click_counts_daily", "click_breakdown_hourly", "click_breakdown_daily",
    "click_breakdown_monthly", "click_totals",
)  # fmt: skip
_LINKS_AT_ONCE = 10_000
# A month of a busy link takes longer than any request may.
_NO_TIMEOUT_S = 24 * 3600


class NotEmpty(ValueError):
    """Made-up clicks would be mixed with real ones."""


async def seed(
    connection: asyncpg.Connection,
    *,
    links: int,
    clicks: int,
    days: int,
    code: str | None,
    code_length: int,
    force: bool,
    tell: Callable[[int], None],
) -> None:
    """Make links, or one of this code, and their clicks on the days before today, all or nothing of a month.

    `tell` is called with the number of clicks that were made. Raises NotEmpty, CodeTaken.
    """
    if not force and await connection.fetchval("SELECT EXISTS (SELECT FROM links)"):
        raise NotEmpty("The database holds links already. To add to them, say --force.")
    today = datetime.now(UTC).date()
    wanted = [today - timedelta(days=n) for n in range(days, 0, -1)]
    ids = await _make_links(connection, links, code, code_length, _midnight(wanted[0]))
    by_day = dict(zip(wanted, _shares(clicks, [_weight(n, day) for n, day in enumerate(wanted)]), strict=True))
    choices = _choices()
    for _, group in groupby(wanted, month_of):
        month = list(group)
        await ensure_partitions(connection, set(month), visitors=False)
        async with connection.transaction():
            for day in month:
                values = _midnight(day), by_day[day], ids, *choices
                await connection.execute(_CLICKS_SQL, *values, timeout=_NO_TIMEOUT_S)
                tell(by_day[day])
            span = _midnight(month[0]), _midnight(month[-1] + timedelta(days=1))
            for sql in _COUNTS_SQL:
                await connection.execute(sql, ids, *span, timeout=_NO_TIMEOUT_S)
    await connection.execute(_TOTALS_SQL, ids)
    await sum_up(connection, ids, _midnight(wanted[0]), _midnight(today), timeout_s=_NO_TIMEOUT_S)
    for table in _TABLES:
        await connection.execute(f"VACUUM (ANALYZE) {table}", timeout=_NO_TIMEOUT_S)


async def _make_links(
    connection: asyncpg.Connection, count: int, code: str | None, code_length: int, created_at: datetime
) -> list[int]:
    """Ids of new links. Raises CodeTaken."""
    ids: list[int] = []
    while len(ids) < count:
        length = min(count - len(ids), _LINKS_AT_ONCE)
        codes = [code] if code else sorted(set(generate_codes(code_length, length)))
        rows = await connection.fetch(_LINKS_SQL, codes, created_at)
        if code and not rows:
            raise CodeTaken(code)
        ids += [row["id"] for row in rows]
    return ids


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _weight(n: int, day: date) -> float:
    """It grows over the year, and rests at weekends."""
    return (1 + n / 365) * (0.6 if day.weekday() >= 5 else 1)


def _shares(total: int, weights: list[float]) -> list[int]:
    """Whole numbers in proportion to the weights, whose sum is the total."""
    shares, given, weight = [], 0, 0.0
    for part in weights:
        weight += part
        shares.append(round(total * weight / sum(weights)) - given)
        given += shares[-1]
    return shares


def _choices() -> tuple[list[str], list[str], list[str], list[str], list[str], list[str | None], list[str]]:
    """Countries and referrers, and for each of a hundred clicks: browser, system, device, bot, User-Agent."""
    texts = [text for text, count in _AGENTS.items() for _ in range(count)]
    agents = [parse_agent(text) for text in texts]
    return (
        _COUNTRIES,
        HOSTS,
        [agent.browser for agent in agents],
        [agent.system for agent in agents],
        [agent.device for agent in agents],
        [agent.bot for agent in agents],
        texts,
    )
