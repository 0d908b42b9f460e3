"""Parses a User-Agent: which program sent it, and whether a person uses it. Pure."""

import re
from functools import cache, lru_cache
from typing import Final

import crawleruseragents
import is_crawler
import msgspec
import ua_parser
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

from shortener.clicks.event import Mark

UNKNOWN: Final = ""
MAX_VALUE = 100
# Only this much of a User-Agent is parsed: those of browsers are shorter, even inside apps. The time of some patterns
# grows with the square of the length.
MAX_PARSED = 320


class Agent(msgspec.Struct, frozen=True):
    """Facts about a User-Agent."""

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
# Browsers of people that look like programs: inside apps, the web views of Android, of iOS (which do not call
# themselves Safari) and of Electron, and browsers that name an app which also creates previews; and browsers for
# terminals.
_BROWSER = re.compile(
    r"^(?:lynx/|links \(|elinks/|w3m/)|mozilla/5\.0 \((?:"
    r"linux;[^()]*; wv\)|"
    r"(?:iphone|ipad|ipod)[^()]*\) applewebkit/[0-9.]+ \(khtml, like gecko\) mobile/|"
    r".*? electron/\d|"
    r"(?:iphone|ipad|linux|windows|macintosh).*(?:snapchat|viber|kakaotalk|whatsapp)[/ ]\d)",
    re.IGNORECASE,
)
# Names by which programs that look like such a browser identify themselves.
_CALLS_ITSELF_A_BOT = re.compile(
    r"bot\b|crawl|spider|compatible;|https?:|headless|lighthouse|pingdom|preview|scan|monitor", re.IGNORECASE
)
# Names of phones and browsers that look like those of bots: of a manufacturer, and of browsers by the owner of a
# crawler.
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
    if system == "Android":  # Only its phones say that they are mobile.
        return "Tablet"
    return "Desktop" if system in _DESKTOP_SYSTEMS else "Other"


# The parser's names that only developers know, or that repeat the device.
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
    """A parser without the unused patterns of device models: a third of the time and memory."""
    browsers, systems, _ = load_lazy_builtins()
    return ua_parser.Parser(Resolver((browsers, systems, [])))


def prepare() -> None:
    """Compile the patterns that `parse_agent` needs. This blocks the process for a fifth of a second."""
    parse_agent("Mozilla/5.0")


@lru_cache(maxsize=20_000)
def parse_agent(user_agent: str) -> Agent:
    """Browser, system and device class of a User-Agent, and why it is not a person's, if so."""
    parser = _parser()
    agent, os = parser.parse_user_agent(user_agent), parser.parse_os(user_agent)
    browser = _name(agent.family if agent else UNKNOWN)
    system = _name(os.family if os else UNKNOWN)
    return Agent(browser, system, _device(user_agent, system), _bot_reason(user_agent))


def _name(family: str) -> str:
    return _NAMES.get(family, family)[:MAX_VALUE]


def bot_reason(agent: Agent, mark: int) -> str | None:
    """Why a request is not a person's, if so. A `mark` of the request counts before its User-Agent."""
    return Mark(mark).name.lower() if mark else agent.bot
