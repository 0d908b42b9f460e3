"""From a click as the redirect wrote it to a click as it is stored: a list of steps, each of which knows one thing."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

import ada_url
import crawleruseragents
import is_crawler
import msgspec
import ua_parser
from iptocc import country_code

from shortener.clicks.event import MAX_REFERRER, MAX_USER_AGENT, Click, Mark

UNKNOWN: Final = ""
DIRECT: Final = ""
MAX_VALUE = 100
# A clock that is further off than this is a defect of the sender; its clicks are kept at the limit.
MAX_AGE = timedelta(days=400)
MAX_AHEAD = timedelta(minutes=5)


class EnrichedClick(msgspec.Struct):
    """A row of `clicks`. Holds no address: `visitor` is a keyed hash whose key is forgotten after some days."""

    link_id: int
    at: datetime
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


class Agent(msgspec.Struct, frozen=True):
    """What a User-Agent says."""

    browser: str
    system: str
    device: str
    bot: str | None


# Link previews: fetched because somebody pasted the link, not because somebody followed it.
_PREVIEWS = re.compile(
    r"facebookexternalhit|facebookcatalog|meta-externalfetcher|twitterbot|slackbot|slack-imgproxy|telegrambot|whatsapp|"
    r"discordbot|linkedinbot|skypeuripreview|pinterestbot|redditbot|viber|vkshare|mastodon|bluesky|cardyb|"
    r"iframely|embedly|snapchat|line-poker|kakaotalk-scrap|microsoftpreview|msteams|google-pagerenderer|"
    r"googlemessages|applebot/.*link|synapse|matrix|signal-desktop|zoomlinkpreview|notionembedder",
    re.IGNORECASE,
)
# In-app browsers of the same names, in which people do follow links.
_IN_APP_BROWSER = re.compile(
    r"mozilla/5\.0 .*(mobile|windows nt|macintosh).* (snapchat|viber|kakaotalk|line)/", re.IGNORECASE
)


def _bot_reason(user_agent: str) -> str | None:
    if not user_agent:
        return "no_user_agent"
    if _PREVIEWS.search(user_agent) and not _IN_APP_BROWSER.search(user_agent):
        return "preview"
    if is_crawler.is_crawler(user_agent) or crawleruseragents.is_crawler(user_agent):
        return "crawler"
    return None


def _device(user_agent: str, family: str, system: str) -> str:
    text = user_agent.lower()
    if "ipad" in text or "tablet" in text or (system == "Android" and "mobile" not in text):
        return "Tablet"
    if "smart-tv" in text or "smarttv" in text or "appletv" in text or "googletv" in text or "crkey" in text:
        return "TV"
    if "mobi" in text or system in {"iOS", "Android"} or family == "iPhone":
        return "Mobile"
    if system in {"Windows", "Mac OS X", "Chrome OS", "Linux", "Ubuntu", "Fedora", "FreeBSD", "OpenBSD", "Debian"}:
        return "Desktop"
    return "Other"


@lru_cache(maxsize=20_000)
def parse_agent(user_agent: str) -> Agent:
    """Browser, system and device class of a User-Agent, and why it is none of a person."""
    parsed = ua_parser.parse(user_agent)
    browser = parsed.user_agent.family if parsed.user_agent else UNKNOWN
    system = parsed.os.family if parsed.os else UNKNOWN
    family = parsed.device.family if parsed.device else UNKNOWN
    return Agent(browser[:MAX_VALUE], system[:MAX_VALUE], _device(user_agent, family, system), _bot_reason(user_agent))


@lru_cache(maxsize=20_000)
def referrer_host(referrer: str) -> str:
    """The host of a referring page without `www.`; empty for none, or for what is no web address."""
    if not referrer:
        return DIRECT
    try:
        url = ada_url.URL(referrer)
    except ValueError:
        return DIRECT
    if url.protocol not in {"http:", "https:", "android-app:"}:
        return DIRECT
    return url.hostname.removeprefix("www.")[:MAX_VALUE]


@lru_cache(maxsize=20_000)
def clean_referrer(referrer: str) -> str:
    """A referrer without credentials and fragment."""
    try:
        url = ada_url.URL(referrer)
    except ValueError:
        return ""
    url.username = url.password = url.hash = ""
    return str(url.href)[:MAX_REFERRER]


def visitor_hash(salt: bytes, address: str, user_agent: str) -> int:
    """64 signed bits that are the same for one client on one day, and tell nothing once the salt is gone."""
    digest = hashlib.blake2b(f"{address}\n{user_agent}".encode(), key=salt, digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def put_agent(enriched: EnrichedClick, click: Click) -> None:
    agent = parse_agent(click.user_agent)
    enriched.browser, enriched.system, enriched.device = agent.browser, agent.system, agent.device


def mark_bot(enriched: EnrichedClick, click: Click) -> None:
    """Bots are kept and marked, never dropped: what counts as one changes over the years."""
    if click.mark != Mark.NONE:
        enriched.bot = Mark(click.mark).name.lower()
    else:
        enriched.bot = parse_agent(click.user_agent).bot


def put_referrer(enriched: EnrichedClick, click: Click) -> None:
    if click.referrer:
        enriched.referrer_host = referrer_host(click.referrer)
        enriched.referrer = clean_referrer(click.referrer)


def put_country(enriched: EnrichedClick, click: Click) -> None:
    try:
        enriched.country = country_code(click.address) or UNKNOWN
    except ValueError:
        enriched.country = UNKNOWN


STEPS: tuple[Callable[[EnrichedClick, Click], None], ...] = (put_agent, mark_bot, put_referrer, put_country)


def enrich(clicks: Iterable[Click], salts: Mapping[date, bytes], now: datetime) -> list[EnrichedClick]:
    """Clicks as they are stored. `salts` holds one for each UTC day of `days(clicks, now)`."""
    found = []
    for click in clicks:
        at = moment(click, now)
        enriched = EnrichedClick(click.link_id, at, _clean(click.user_agent), "")
        for step in STEPS:
            step(enriched, click)
        enriched.visitor = visitor_hash(salts[at.date()], click.address, click.user_agent)
        found.append(enriched)
    return found


def moment(click: Click, now: datetime) -> datetime:
    """When the click happened, within what a clock can be off."""
    at = datetime.fromtimestamp(click.at_ms / 1000, UTC)
    return min(max(at, now - MAX_AGE), now + MAX_AHEAD)


def days(clicks: Iterable[Click], now: datetime) -> set[date]:
    return {moment(click, now).date() for click in clicks}


def _clean(text: str) -> str:
    return text[:MAX_USER_AGENT].replace("\x00", "")
