"""Turns a click as the redirect recorded it into a click as it is stored, in steps that each add one thing."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple, Self

import ada_url
import msgspec
import structlog

from shortener.clicks.agents import MAX_PARSED, MAX_VALUE, UNKNOWN, bot_reason, parse_agent
from shortener.clicks.event import MAX_REFERRER, MAX_USER_AGENT, Click, Source
from shortener.clicks.headers import first_language, read_campaign
from shortener.clicks.metrics import CLICK_STEPS_FAILED
from shortener.places.locator import Locate, built_in

log = structlog.get_logger(__name__)

DIRECT: Final = ""
# A clock that is further off is broken; its clicks are stored with the nearest allowed time.
MAX_AGE = timedelta(days=400)
MAX_AHEAD = timedelta(minutes=5)

_EPOCH = date(1970, 1, 1)
_MILLISECOND = timedelta(milliseconds=1)
_DAY_MS, _QUARTER_MS = 24 * 3600 * 1000, 900 * 1000


class EnrichedClick(msgspec.Struct, gc=False):
    """A row of `clicks`, without an address: `visitor` is a keyed hash whose key is deleted after some days. `quarter`
    counts quarters of an hour since the epoch."""

    link_id: int
    at: datetime
    quarter: int
    user_agent: str
    referrer: str
    visitor: int = 0
    country: str = UNKNOWN
    referrer_host: str = DIRECT
    browser: str = UNKNOWN
    system: str = UNKNOWN
    device: str = UNKNOWN
    bot: str | None = None
    is_new_visitor: bool = False
    rule: str | None = None
    variant: str | None = None
    is_charged: bool = False
    city: str | None = None
    language: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    source: str | None = None


class Referrer(NamedTuple):
    """`url` has neither credentials nor fragment, `host` no `www.`; both are empty if the referrer is not a web
    address."""

    url: str
    host: str


_NO_REFERRER = Referrer("", DIRECT)


@lru_cache(maxsize=20_000)
def parse_referrer(referrer: str) -> Referrer:
    try:
        url = ada_url.URL(referrer)
    except ValueError:
        return _NO_REFERRER
    # Other URLs have no host, and their parts cannot be changed.
    if url.protocol not in {"http:", "https:", "android-app:"} or not url.hostname:
        return _NO_REFERRER
    url.username = url.password = url.hash = ""
    return Referrer(str(url.href)[:MAX_REFERRER], url.hostname.removeprefix("www.")[:MAX_VALUE])


def visitor_hash(salt: bytes, address: str, user_agent: str) -> int:
    """64 signed bits that are the same for one client on one day, and reveal nothing once the salt is deleted."""
    digest = hashlib.blake2b(f"{address}\n{user_agent}".encode(), key=salt, digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


Step = Callable[[EnrichedClick, Click], None]


def put_agent(enriched: EnrichedClick, click: Click) -> None:
    """Bots are marked, never dropped: the definition of a bot changes over the years."""
    agent = parse_agent(enriched.user_agent[:MAX_PARSED])
    enriched.browser, enriched.system, enriched.device = agent.browser, agent.system, agent.device
    enriched.bot = bot_reason(agent, click.mark)


def put_referrer(enriched: EnrichedClick, click: Click) -> None:
    if click.referrer:
        enriched.referrer, enriched.referrer_host = parse_referrer(click.referrer)


def place_step(locate: Locate) -> Step:
    def put_place(enriched: EnrichedClick, click: Click) -> None:
        enriched.country, _, city = locate(click.address)
        if city:
            enriched.city = city[:MAX_VALUE]

    return put_place


def put_language(enriched: EnrichedClick, click: Click) -> None:
    if click.languages:
        enriched.language = first_language(click.languages)


def put_query(enriched: EnrichedClick, click: Click) -> None:
    if click.query:
        enriched.utm_source, enriched.utm_medium, enriched.utm_campaign = read_campaign(click.query)


def put_source(enriched: EnrichedClick, click: Click) -> None:
    if click.source == Source.QR:
        enriched.source = "qr"


def put_choice(enriched: EnrichedClick, click: Click) -> None:
    if click.choice is not None:
        enriched.rule, enriched.variant, enriched.is_charged = msgspec.structs.astuple(click.choice)


STEPS: tuple[Step, ...] = (put_agent, put_referrer, put_choice, put_language, put_query, put_source)


def enrich(
    clicks: Iterable[Click], salts: Mapping[date, bytes], now: datetime, locate: Locate = built_in
) -> Iterator[EnrichedClick]:
    """Clicks as they are stored. `salts` holds one for each UTC day of `days(clicks, now)`."""
    steps = (*STEPS, place_step(locate))
    earliest_ms, latest_ms = reach = _Reach.of(now)
    for click in clicks:
        at_ms = click.at_ms if earliest_ms <= click.at_ms <= latest_ms else reach.within(click.at_ms)
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        enriched = EnrichedClick(click.link_id, at, at_ms // _QUARTER_MS, _clean(click.user_agent), "")
        for step in steps:
            try:
                step(enriched, click)
            except Exception as error:  # Store an odd click without this step's fields.
                CLICK_STEPS_FAILED.labels(step.__name__).inc()
                log.error("click_step_failed", step=step.__name__, exc_info=error)
        enriched.visitor = visitor_hash(salts[at.date()], click.address, click.user_agent)
        yield enriched


def days(clicks: Iterable[Click], now: datetime) -> set[date]:
    reach = _Reach.of(now)
    numbers = {click.at_ms // _DAY_MS for click in clicks}
    return {_EPOCH + timedelta(days=reach.within(number * _DAY_MS) // _DAY_MS) for number in numbers}


class _Reach(NamedTuple):
    """The time in which a click can have happened, allowing for wrong clocks, in milliseconds since the epoch."""

    earliest_ms: int
    latest_ms: int

    @classmethod
    def of(cls, now: datetime) -> Self:
        now_ms = int(now.timestamp() * 1000)
        return cls(now_ms - MAX_AGE // _MILLISECOND, now_ms + MAX_AHEAD // _MILLISECOND)

    def within(self, at_ms: int) -> int:
        return min(max(at_ms, self.earliest_ms), self.latest_ms)


def _clean(text: str) -> str:
    return text[:MAX_USER_AGENT].replace("\x00", "")
