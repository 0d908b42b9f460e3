"""From a click as the redirect wrote it to a click as it is stored: a list of steps, each of which knows one thing."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Final, NamedTuple, Self

import ada_url
import crawleruseragents
import is_crawler
import msgspec
import structlog
import ua_parser
from iptocc import country_code
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

from shortener.clicks.event import MAX_REFERRER, MAX_USER_AGENT, Click, Mark
from shortener.clicks.metrics import CLICK_STEPS_FAILED

log = structlog.get_logger(__name__)

UNKNOWN: Final = ""
DIRECT: Final = ""
MAX_VALUE = 100
# Of a User-Agent so much is looked at: browsers' are shorter, also those inside of apps, which are the longest. Some
# patterns take time that grows with the square of the length.
MAX_PARSED = 320
# A clock that is further off than this is a defect of the sender; its clicks are kept at the limit.
MAX_AGE = timedelta(days=400)
MAX_AHEAD = timedelta(minutes=5)

_EPOCH = date(1970, 1, 1)
_MILLISECOND = timedelta(milliseconds=1)
_DAY_MS, _QUARTER_MS = 24 * 3600 * 1000, 900 * 1000


class EnrichedClick(msgspec.Struct, gc=False):
    """A row of `clicks`. Holds no address: `visitor` is a keyed hash whose key is forgotten after some days.
    `quarter` counts quarters of an hour since the epoch."""

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


class Agent(msgspec.Struct, frozen=True):
    """What a User-Agent says."""

    browser: str
    system: str
    device: str
    bot: str | None


# Link previews: fetched because somebody pasted the link, not because somebody followed it.
_PREVIEWS = re.compile(
    r"facebookexternalhit|facebookcatalog|meta-externalfetcher|twitterbot|slackbot|slack-imgproxy|telegrambot|whatsapp|"
    r"discordbot|linkedinbot|skypeuripreview|pinterestbot|redditbot|viber|vkshare|mastodon|cardyb|iframely|embedly|"
    r"snap url preview|line-poker|kakaotalk-scrap|microsoftpreview|microsoftteams-preview|google-pagerenderer|"
    r"synapse \(bot",
    re.IGNORECASE,
)
# Browsers of people that look like programs. Those inside apps: the web views of Android, of iOS (which do not call
# themselves Safari) and of Electron, and browsers that name an app which also makes previews. And those for terminals.
_BROWSER = re.compile(
    r"^(?:lynx/|links \(|elinks/|w3m/)|mozilla/5\.0 \((?:"
    r"linux;[^()]*; wv\)|"
    r"(?:iphone|ipad|ipod)[^()]*\) applewebkit/[0-9.]+ \(khtml, like gecko\) mobile/|"
    r".*? electron/\d|"
    r"(?:iphone|ipad|linux|windows|macintosh).*(?:snapchat|viber|kakaotalk|whatsapp)[/ ]\d)",
    re.IGNORECASE,
)
# What programs that look like such a browser say of themselves.
_CALLS_ITSELF_A_BOT = re.compile(
    r"bot\b|crawl|spider|compatible;|https?:|headless|lighthouse|pingdom|preview|scan|monitor", re.IGNORECASE
)
# Names of telephones and browsers that look like those of bots: of a maker, and of browsers by the owner of a crawler.
_NAMESAKES = re.compile(r"\bcubot\b|\bsogou(?:mse|mobilebrowser|search)\b", re.IGNORECASE)
# Programs that neither of the lists knows.
_PROGRAMS = re.compile(
    r"powershell/|^dalvik/|^microsoft office/|^com\.apple\.webkit\.networking|^mozilla/5\.0$", re.IGNORECASE
)


def _bot_reason(user_agent: str) -> str | None:
    if not user_agent:
        return "no_user_agent"
    text = _NAMESAKES.sub("", user_agent)
    if _BROWSER.search(text) and not _CALLS_ITSELF_A_BOT.search(text):
        return None
    if _PREVIEWS.search(text):
        return "preview"
    if _PROGRAMS.search(text) or is_crawler.is_crawler(text) or crawleruseragents.is_crawler(text):
        return "crawler"
    return None


_TABLET = re.compile(r"ipad|tablet", re.IGNORECASE)
_TV = re.compile(
    r"smart-?tv|apple ?tv|google ?tv|android ?tv|hbbtv|crkey|bravia|\baft[a-z]{1,4}\b|\btv\b", re.IGNORECASE
)
_MOBILE = re.compile(r"mobi|opera mini|iphone|ipod", re.IGNORECASE)
_DESKTOP_SYSTEMS = frozenset(
    ("Windows", "macOS", "Chrome OS", "Linux", "Ubuntu", "Fedora", "Debian", "FreeBSD", "OpenBSD", "NetBSD")
)


def _device(user_agent: str, system: str) -> str:
    if _TV.search(user_agent):
        return "TV"
    if _TABLET.search(user_agent):
        return "Tablet"
    if _MOBILE.search(user_agent) or system == "iOS":
        return "Mobile"
    if system == "Android":  # Only its telephones say that they are mobile.
        return "Tablet"
    return "Desktop" if system in _DESKTOP_SYSTEMS else "Other"


# The parser's names that only developers know, or that tell apart what the device tells already.
_NAMES = {
    "Mobile Safari": "Safari",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Edge Mobile": "Edge",
    "Opera Mobile": "Opera",
    "DuckDuckGo Mobile": "DuckDuckGo",
    "MiuiBrowser": "Mi Browser",
    "WeChat Browser": "WeChat",
    "Google": "Google app",
    "Mobile Safari UI/WKWebView": "In-app browser",
    "Chrome Mobile WebView": "In-app browser",
    "Mac OS X": "macOS",
    "Web0S": "webOS",
    "Chromecast Linux": "Chromecast",
}


@cache
def _parser() -> ua_parser.Parser:
    """Without the patterns of device models, which nothing here asks for: a third of the time and memory."""
    browsers, systems, _ = load_lazy_builtins()
    return ua_parser.Parser(Resolver((browsers, systems, [])))


def prepare() -> None:
    """Compile the patterns that `parse_agent` needs: a fifth of a second, in which the process does nothing else."""
    parse_agent("Mozilla/5.0")


@lru_cache(maxsize=20_000)
def parse_agent(user_agent: str) -> Agent:
    """Browser, system and device class of a User-Agent, and why it is none of a person."""
    parser = _parser()
    agent, os = parser.parse_user_agent(user_agent), parser.parse_os(user_agent)
    browser = _name(agent.family if agent else UNKNOWN)
    system = _name(os.family if os else UNKNOWN)
    return Agent(browser, system, _device(user_agent, system), _bot_reason(user_agent))


def _name(family: str) -> str:
    return _NAMES.get(family, family)[:MAX_VALUE]


class Referrer(NamedTuple):
    """`url` is without credentials and fragment, `host` without `www.`; both are empty for what is no web address."""

    url: str
    host: str


_NO_REFERRER = Referrer("", DIRECT)


@lru_cache(maxsize=20_000)
def parse_referrer(referrer: str) -> Referrer:
    try:
        url = ada_url.URL(referrer)
    except ValueError:
        return _NO_REFERRER
    # Others have no host to tell, and refuse to be changed.
    if url.protocol not in {"http:", "https:", "android-app:"} or not url.hostname:
        return _NO_REFERRER
    url.username = url.password = url.hash = ""
    return Referrer(str(url.href)[:MAX_REFERRER], url.hostname.removeprefix("www.")[:MAX_VALUE])


def visitor_hash(salt: bytes, address: str, user_agent: str) -> int:
    """64 signed bits that are the same for one client on one day, and tell nothing once the salt is gone."""
    digest = hashlib.blake2b(f"{address}\n{user_agent}".encode(), key=salt, digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def put_agent(enriched: EnrichedClick, click: Click) -> None:
    """Bots are kept and marked, never dropped: what counts as one changes over the years."""
    agent = parse_agent(enriched.user_agent[:MAX_PARSED])
    enriched.browser, enriched.system, enriched.device = agent.browser, agent.system, agent.device
    enriched.bot = Mark(click.mark).name.lower() if click.mark else agent.bot


def put_referrer(enriched: EnrichedClick, click: Click) -> None:
    if click.referrer:
        enriched.referrer, enriched.referrer_host = parse_referrer(click.referrer)


def put_country(enriched: EnrichedClick, click: Click) -> None:
    try:
        enriched.country = country_code(click.address) or UNKNOWN
    except ValueError:
        enriched.country = UNKNOWN


STEPS: tuple[Callable[[EnrichedClick, Click], None], ...] = (put_agent, put_referrer, put_country)


def enrich(clicks: Iterable[Click], salts: Mapping[date, bytes], now: datetime) -> Iterator[EnrichedClick]:
    """Clicks as they are stored. `salts` holds one for each UTC day of `days(clicks, now)`."""
    earliest_ms, latest_ms = reach = _Reach.of(now)
    for click in clicks:
        at_ms = click.at_ms if earliest_ms <= click.at_ms <= latest_ms else reach.within(click.at_ms)
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        enriched = EnrichedClick(click.link_id, at, at_ms // _QUARTER_MS, _clean(click.user_agent), "")
        for step in STEPS:
            try:
                step(enriched, click)
            except Exception as error:  # An odd click is stored without what the step knows; it spoils no batch.
                CLICK_STEPS_FAILED.labels(step.__name__).inc()
                log.error("click_step_failed", step=step.__name__, exc_info=error)
        enriched.visitor = visitor_hash(salts[at.date()], click.address, click.user_agent)
        yield enriched


def days(clicks: Iterable[Click], now: datetime) -> set[date]:
    reach = _Reach.of(now)
    numbers = {click.at_ms // _DAY_MS for click in clicks}
    return {_EPOCH + timedelta(days=reach.within(number * _DAY_MS) // _DAY_MS) for number in numbers}


class _Reach(NamedTuple):
    """When a click can have happened, within what a clock can be off, in milliseconds since the epoch."""

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
