"""Made-up clicks of a day, drawn by the database itself: millions take minutes.

Each click has a number, and all that it is follows from the hash of this number: the same clicks come whatever plan the
database chooses. A visitor has one place and one agent.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from itertools import chain
from random import Random
from typing import Any, NamedTuple

import asyncpg

from shortener.clicks.agents import parse_agent
from shortener.operations.sample_links import SampleLink

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


class _Place(NamedTuple):
    """`offset_h` is the difference of its clocks to UTC."""

    weight: int
    language: str
    offset_h: int
    cities: tuple[str, ...]


_PLACES = {
    "DE": _Place(34, "de", 1, ("Berlin", "Hamburg", "Munich", "Cologne", "Leipzig")),
    "US": _Place(16, "en", -6, ("New York", "Chicago", "Seattle")),
    "GB": _Place(9, "en", 0, ("London", "Manchester")),
    "AT": _Place(7, "de", 1, ("Vienna", "Graz")),
    "CH": _Place(6, "de", 1, ("Zürich", "Basel")),
    "FR": _Place(5, "fr", 1, ("Paris", "Lyon")),
    "NL": _Place(5, "nl", 1, ("Amsterdam",)),
    "DK": _Place(4, "da", 1, ("Copenhagen",)),
    "SE": _Place(4, "sv", 1, ("Stockholm", "Gothenburg")),
    "NO": _Place(4, "nb", 1, ("Oslo", "Bergen")),
    "PL": _Place(3, "pl", 1, ("Warsaw",)),
    "IT": _Place(3, "it", 1, ("Milan",)),
    "ES": _Place(3, "es", 1, ("Madrid",)),
    "CA": _Place(2, "en", -5, ("Toronto",)),
    "IN": _Place(2, "en", 5, ("Bengaluru",)),
    "JP": _Place(2, "ja", 9, ("Tokyo",)),
    "BR": _Place(2, "pt", -3, ("São Paulo",)),
    "AU": _Place(1, "en", 10, ("Sydney",)),
    "FI": _Place(1, "fi", 2, ("Helsinki",)),
    "CZ": _Place(1, "cs", 1, ("Prague",)),
    "BE": _Place(1, "nl", 1, ()),
    "": _Place(1, "", 0, ()),
}
# Without a referrer and a campaign come as many as by these pages.
_PAGES = {
    "www.google.com/": 16, "t.co/": 5, "l.facebook.com/": 5, "www.linkedin.com/": 5, "www.reddit.com/r/hiking/": 4,
    "www.bing.com/": 3, "duckduckgo.com/": 3, "www.youtube.com/": 3, "mail.google.com/": 2, "outlook.live.com/": 2,
    "bsky.app/": 2, "mastodon.social/": 1, "www.ecosia.org/": 1, "news.ycombinator.com/": 1, "medium.com/": 1,
    "teams.microsoft.com/": 1, "github.com/": 1, "de.wikipedia.org/": 1, "www.spiegel.de/": 1, "www.pinterest.com/": 1,
}  # fmt: skip
HOSTS = ["", *(page.partition("/")[0] for page in _PAGES)]
_QR, _NEWSLETTER, _INSTAGRAM = 14, 9, 6
# Where a link that goes viral is found.
_VIRAL_PAGES = ("www.reddit.com/r/hiking/", "news.ycombinator.com/", "t.co/")
# Campaigns by month.
_CAMPAIGNS = (
    "winter-sale", "winter-sale", "spring-launch", "spring-launch", "spring-launch", "summer-festival",
    "summer-festival", "summer-festival", "back-to-school", "back-to-school", "black-week", "black-week",
)  # fmt: skip
# How much people click at each hour of their day.
_WORKDAY = (3, 2, 1, 1, 1, 2, 5, 9, 13, 15, 16, 15, 17, 15, 14, 14, 14, 15, 15, 16, 18, 17, 12, 6)
_WEEKEND = (5, 3, 2, 1, 1, 1, 2, 3, 6, 10, 13, 14, 14, 14, 13, 13, 13, 14, 15, 17, 18, 16, 12, 8)
_QUARTERS = 96
# With how many clicks of a day links of the last two weeks come beyond their own.
_FRESH_SHARE, _FRESH_DAYS = 0.15, 14
# So many days ago a link goes viral; it is forgotten on the next two. How much more is clicked on each of these days,
# and which share of it are clicks of the link.
_VIRAL_DAYS_AGO, _VIRAL_DAYS = 12, ((4.0, 0.7), (1.5, 0.4), (1.15, 0.15))

# $1 midnight, $2 clicks, $3 salt; links: $4 by popularity, $5 fresh ones, $6 those with rules, $7 those with variants;
# $8 the viral link, $9 its share; $10 quarters of a local day, each as often as it has clicks; $11-$15 agents,
# $16-$19 places, $20-$24 channels: each as often as it comes.
_CLICKS_SQL = f"""
    INSERT INTO clicks (link_id, at, visitor, is_new_visitor, bot, country, referrer_host, referrer,
        browser, system, device, user_agent, rule, variant, city, language, utm_source, utm_medium, utm_campaign,
        source)
    SELECT link_id, at, visitor,
        bot IS NULL AND row_number() OVER (PARTITION BY link_id, visitor, bot IS NULL ORDER BY at, n) = 1,
        bot, country, split_part(page, '/', 1), CASE page WHEN '' THEN '' ELSE 'https://' || page END,
        browser, system, device, user_agent, rule,
        CASE WHEN rule IS NULL AND link_id = ANY($7::bigint[]) THEN CASE visitor & 1 WHEN 0 THEN 'A' ELSE 'B' END END,
        nullif(city, ''), nullif(language, ''), nullif(utm_source, ''), nullif(utm_medium, ''),
        CASE WHEN utm_source <> '' THEN campaign END, nullif(source, '')
    FROM (
        SELECT c.*, p.*, a.*, ch.*, hashint8extended(who, $3) AS visitor,
            date_trunc('milliseconds', $1::timestamptz + interval '1 second' * CASE WHEN is_viral
                THEN 46800 + least(-ln(1 - u_time) * 9000, 39000)
                ELSE 900 * (mod(quarter + {_QUARTERS} - 4 * offset_h, {_QUARTERS}) + (h & 1023) / 1024.0::float8)
            END) AS at,
            CASE WHEN link_id <> ALL($6::bigint[]) THEN NULL WHEN device = 'Mobile' THEN 'Phones'
                WHEN language = 'de' THEN 'German' END AS rule
        FROM (
            SELECT n, who, h, is_viral, u_time, u_channel,
                ($10::int[])[1 + floor(u_time * cardinality($10::int[]))::int] AS quarter,
                CASE WHEN is_viral THEN $8::bigint
                    WHEN u_fresh < {_FRESH_SHARE} AND cardinality($5::bigint[]) > 0
                    THEN ($5::bigint[])[1 + floor(power(u_link, 2) * cardinality($5::bigint[]))::int]
                    ELSE ($4::bigint[])[floor(exp(u_link * ln(cardinality($4::bigint[]) + 0.999::float8)))::int]
                END AS link_id
            FROM (
                SELECT n, h, (hashint8extended(n, $3 + 2) & 4294967295) % ($2::int * 2) AS who,
                    (h & 1048575) / 1048576.0::float8 < $9::float8 AS is_viral,
                    ((h >> 20) & 4294967295) / 4294967296.0::float8 AS u_link,
                    (g & 65535) / 65536.0::float8 AS u_time,
                    ((g >> 16) & 65535) / 65536.0::float8 AS u_fresh,
                    ((g >> 32) & 65535) / 65536.0::float8 AS u_channel
                FROM (SELECT n::bigint AS n, hashint8extended(n, $3) AS h, hashint8extended(n, $3 + 1) AS g
                    FROM generate_series(1, $2::int) AS n) AS numbers
            ) AS draws
        ) AS c
        JOIN unnest($11::text[], $12::text[], $13::text[], $14::text[], $15::text[])
            WITH ORDINALITY AS a (browser, system, device, bot, user_agent, agent)
            ON agent = 1 + (hashint8extended(who, 1) & 1048575) % cardinality($11::text[])
        JOIN unnest($16::text[], $17::text[], $18::text[], $19::int[])
            WITH ORDINALITY AS p (country, city, language, offset_h, place)
            ON place = 1 + (hashint8extended(who, 2) & 1048575) % cardinality($16::text[])
        JOIN unnest($20::text[], $21::text[], $22::text[], $23::text[], $24::text[])
            WITH ORDINALITY AS ch (page, utm_source, utm_medium, campaign, source, channel)
            ON channel = CASE
                WHEN is_viral AND u_channel < 0.8 THEN cardinality($20::text[]) - floor(u_channel * 3.75)::int
                -- Half of a link's clicks come by three channels of its own.
                WHEN u_channel < 0.5 THEN 1
                    + (hashint8extended(link_id, floor(u_channel * 6)::bigint) & 1048575) % cardinality($20::text[])
                ELSE 1 + floor((u_channel - 0.5) * 2 * cardinality($20::text[]))::int END
    ) AS click
"""


class SampleClicks:
    """Draws the clicks of the days on which the links were there."""

    def __init__(self, chance: Random, links: Sequence[SampleLink], days: Sequence[date]) -> None:
        self._chance = chance
        self._number = chance.getrandbits(31)
        self._coming = list(reversed(links))
        self._going = sorted((link.end, link.id) for link in links if link.end is not None)[::-1]
        self._ranked: list[int] = []
        self._fresh: list[SampleLink] = []
        self._ruled = [link.id for link in links if link.options.rules]
        self._varied = [link.id for link in links if link.options.variants]
        is_long = len(days) > _VIRAL_DAYS_AGO and len(links) > 1
        self._viral = dict(zip(days[-_VIRAL_DAYS_AGO:], _VIRAL_DAYS, strict=False)) if is_long else {}
        self._viral_link = 0
        self._agents = _agents()
        self._places = _places()

    def weight(self, n: int, day: date) -> float:
        """How much is clicked on the nth day: it grows over the year, rests at weekends, and once a link goes viral."""
        viral, _ = self._viral.get(day, (1.0, 0.0))
        noise = 0.85 + 0.3 * Random(self._number + n).random()  # noqa: S311
        return (1 + n / 365) * (0.6 if day.weekday() >= 5 else 1) * noise * viral

    async def make(self, connection: asyncpg.Connection, day: date, clicks: int, timeout_s: float) -> None:
        """Days come in order."""
        self._admit(day)
        _, share = self._viral.get(day, (0.0, 0.0))
        if share and not self._viral_link:
            ending = {link for _, link in self._going}
            staying = [link for link in self._ranked if link not in ending]
            self._viral_link = self._chance.choice(staying or self._ranked)
        hours = _WEEKEND if day.weekday() >= 5 else _WORKDAY
        await connection.execute(
            _CLICKS_SQL,
            datetime.combine(day, time(), UTC),
            clicks,
            self._number + 3 * day.toordinal(),
            self._ranked,
            [link.id for link in reversed(self._fresh)],
            self._ruled,
            self._varied,
            self._viral_link,
            share,
            [quarter for quarter in range(_QUARTERS) for _ in range(hours[quarter // 4])],
            *self._agents,
            *self._places,
            *_channels(day),
            timeout=timeout_s,
        )

    def _admit(self, day: date) -> None:
        """A link that is made on a day gets a place among those that are there, and loses it when it ends."""
        while self._coming and self._coming[-1].day <= day:
            link = self._coming.pop()
            self._ranked.insert(self._chance.randint(0, len(self._ranked)), link.id)
            self._fresh.append(link)
        while self._going and self._going[-1][0] <= day and len(self._ranked) > 1:
            self._ranked.remove(self._going.pop()[1])
        self._fresh = [link for link in self._fresh if (day - link.day).days < _FRESH_DAYS]


def _agents() -> list[list[Any]]:
    """Browser, system, device, bot, User-Agent."""
    parsed = [(parse_agent(text), text, weight) for text, weight in _AGENTS.items()]
    return _columns(((a.browser, a.system, a.device, a.bot, text), weight) for a, text, weight in parsed)


def _places() -> list[list[Any]]:
    """Country, city, language, offset. Of a third of a country's clicks the city is not known."""
    rows: list[tuple[tuple[Any, ...], int]] = []
    for country, place in _PLACES.items():
        cities = place.cities or ("",)
        weights = [2 * place.weight * (len(cities) - n) for n in range(len(cities))]
        scale = sum(weights)
        rows += [
            ((country, city, place.language, place.offset_h), max(1, round(2 * place.weight * weight / scale)))
            for city, weight in zip(cities, weights, strict=True)
        ]
        rows.append(((country, "", place.language, place.offset_h), place.weight))
    return _columns(rows)


def _channels(day: date) -> list[list[Any]]:
    """Page, campaign's source, medium and name, source. The last ones are those of a viral link."""
    campaign = _CAMPAIGNS[day.month - 1]
    pages = [((page, "", "", "", ""), weight) for page, weight in _PAGES.items()]
    return _columns(
        chain(
            [(("", "", "", "", ""), sum(_PAGES.values()))],
            pages,
            [
                (("", "", "", "", "qr"), _QR),
                (("", "newsletter", "email", campaign, ""), _NEWSLETTER),
                (("l.instagram.com/", "instagram", "social", campaign, ""), _INSTAGRAM),
            ],
            [((page, "", "", "", ""), 1) for page in _VIRAL_PAGES],
        )
    )


def _columns(rows: Iterable[tuple[tuple[Any, ...], int]]) -> list[list[Any]]:
    """Each row as often as its weight says."""
    return [list(column) for column in zip(*(row for row, weight in rows for _ in range(weight)), strict=True)]
