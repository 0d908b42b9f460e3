"""What one request shows, for conditions of links. Each fact is found out when a condition first asks for it."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec

from shortener.clicks.agents import MAX_PARSED, Agent, bot_reason, parse_agent
from shortener.places.addresses import packed_address, without_ipv6
from shortener.places.geo_database import Place
from shortener.places.locator import Locate, built_in
from shortener.redirect.request import RedirectRequest

# Parameters of a query, languages of Accept-Language, and bytes of a list in headers, that are looked at.
MAX_PARAMETERS = 100
MAX_LANGUAGES = 50
MAX_LIST_BYTES = 1000
# Of the highest weight in Accept-Language, a language needs these tenths to be what the visitor wants to read.
WANTED_TENTHS = 9

_WEIGHT = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)
_REFERRER_HOST = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?(\[[0-9a-f:.]+\]|[^/?#:]+)", re.IGNORECASE)
_BROWSERS = {
    "Chrome": "chrome",
    "Chromium": "chrome",
    "Edge": "edge",
    "Firefox": "firefox",
    "Safari": "safari",
    "Opera": "opera",
    "Opera Mini": "opera",
    "Opera GX": "opera",
    "Samsung Internet": "samsung",
}
_SYSTEMS = {
    "iOS": "ios",
    "Android": "android",
    "Windows": "windows",
    "macOS": "macos",
    "Chrome OS": "chromeos",
    "Linux": "linux",
    "Ubuntu": "linux",
    "Fedora": "linux",
    "Debian": "linux",
}
_CLASSES = {"Mobile": "mobile", "Tablet": "tablet", "Desktop": "desktop"}
# The same systems as Sec-CH-UA-Platform names them, in lower case.
_PLATFORMS = {name.encode(): name for name in ("android", "ios", "linux", "macos", "windows")}
_PLATFORMS |= {b"chrome os": "chromeos", b"chromium os": "chromeos"}
# Browsers by their names in Sec-CH-UA, in lower case. Of any other, the User-Agent says more.
_BRANDS = {
    b"google chrome": "chrome",
    b"microsoft edge": "edge",
    b"opera": "opera",
    b"opera gx": "opera",
    b"opera mobile": "opera",
    b"samsung internet": "samsung",
}
# A string of a list (RFC 9651, 4.2.5). One behind "=" is the value of a parameter.
_STRING = re.compile(rb"(=?)\"((?:[^\"\\]|\\.)*+)\"")


@lru_cache(4096)
def _wanted(accept_language: bytes) -> tuple[str, ...]:
    weighted = []
    for entry in accept_language.decode("latin-1").lower().split(",")[:MAX_LANGUAGES]:
        tag, _, parameters = entry.partition(";")
        weight = _WEIGHT.fullmatch(parameters.strip()) if parameters else None
        if (tag := tag.strip()) and (weight or not parameters):
            weighted.append((round(1000 * float(weight[1])) if weight else 1000, tag))
    least = WANTED_TENTHS * max((weight for weight, _ in weighted), default=0)
    return tuple(tag for weight, tag in weighted if weight > 0 and 10 * weight >= least and tag != "*")


@lru_cache(4096)
def _devices(system: str, device: str, hinted_system: str, hinted_mobile: bytes) -> frozenset[str]:
    """Client hints win, since browsers reduce their User-Agents, and tablets ask for pages for desktops."""
    system, kind = hinted_system or _SYSTEMS.get(system, ""), _CLASSES.get(device, "")
    if hinted_mobile == b"?1":
        kind = "mobile"
    elif hinted_mobile == b"?0" and system and device != "TV":
        kind = "tablet" if system in {"android", "ios"} else "desktop"
    return frozenset((system, kind)) - {""}


@lru_cache(4096)
def _hinted_browser(brands: bytes) -> str:
    """The browser that Sec-CH-UA names; empty if none that is known."""
    names = (text.lower() for is_value, text in _STRING.findall(brands) if not is_value)
    return next((_BRANDS[name] for name in names if name in _BRANDS), "")


@lru_cache(4096)
def _host_of(referrer: str) -> str:
    found = _REFERRER_HOST.match(referrer)
    return "" if found is None else found[1].lower().removesuffix(".")


@lru_cache(4096)
def _spoken(languages: tuple[str, ...]) -> frozenset[str]:
    return frozenset(
        "-".join(subtags[:count])
        for subtags in (tag.split("-") for tag in languages)
        for count in range(1, len(subtags) + 1)
    )


@lru_cache(4096)
def _numbered(address: str) -> tuple[tuple[int, int], ...]:
    packed = packed_address(address)
    if packed is None:
        return ()
    return tuple((len(each), int.from_bytes(each, "big")) for each in dict.fromkeys((packed, without_ipv6(packed))))


T = TypeVar("T")


class _Fact(Generic[T]):
    """A property that is computed once. `functools.cached_property` takes a lock, which takes longer than most facts
    do."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__

    def __get__(self, owner: Any, _: type) -> T:
        value = owner.__dict__[self._name] = self._compute(owner)
        return value


class Head:
    """The headers of a request. Many visitors of a link send the same ones."""

    def __init__(self, headers: bytes, user_agent: str) -> None:
        self._headers = headers
        self._user_agent = user_agent

    @_Fact
    def _lower(self) -> bytes:
        """The header lines in lower case, each behind a line feed."""
        return b"\n" + self._headers.lower()

    def header(self, name: bytes) -> bytes:
        """The value of a header by its name in lower case; of several lines the last. To read all headers would take
        longer than everything else here."""
        return self._value(self._lower.rfind(b"\n%b:" % name), name)

    def header_list(self, name: bytes) -> bytes:
        """The value of a header that is a list, of which each line may hold a part (RFC 9110, 5.3)."""
        line = b"\n%b:" % name
        start = self._lower.find(line)
        value = self._value(start, name)
        while start >= 0 and len(value) < MAX_LIST_BYTES and (start := self._lower.find(line, start + 1)) >= 0:
            value += b"," + self._value(start, name)
        return value[:MAX_LIST_BYTES]

    def _value(self, start: int, name: bytes) -> bytes:
        """The value on the line that begins there; empty if nowhere."""
        if start < 0:
            return b""
        # Behind the colon, in the lines as they were sent.
        value, _, _ = self._headers[start + len(name) + 1 :].partition(b"\r\n")
        return value.strip(b" \t")

    @_Fact
    def agent(self) -> Agent:
        return parse_agent(self._user_agent[:MAX_PARSED])

    @_Fact
    def device(self) -> frozenset[str]:
        platform = self.header(b"sec-ch-ua-platform").strip(b'"').lower()
        hinted = _PLATFORMS.get(platform, "")
        mobile = self.header(b"sec-ch-ua-mobile")[:2]
        return _devices(self.agent.system, self.agent.device, hinted, mobile)

    @_Fact
    def browser(self) -> str:
        hinted = _hinted_browser(self.header_list(b"sec-ch-ua"))
        return hinted or _BROWSERS.get(self.agent.browser, "other")

    @_Fact
    def languages(self) -> tuple[str, ...]:
        """Languages that the visitor wants to read, in lower case."""
        return _wanted(self.header_list(b"accept-language"))

    @_Fact
    def spoken(self) -> frozenset[str]:
        """These languages, and those that they are kinds of: `de-at` is a kind of `de`."""
        return _spoken(self.languages)


_head_of = lru_cache(1024)(Head)


class Visit(msgspec.Struct, dict=True, eq=False):
    """A request as conditions see it. `now_s` is in seconds since the epoch. `locate` tells where an address is."""

    request: RedirectRequest
    now_s: float
    locate: Locate = built_in

    @_Fact
    def head(self) -> Head:
        return _head_of(self.request.headers, self.request.user_agent)

    def header(self, name: bytes) -> bytes:
        """The value of a header by its name in lower case; of several lines the last. The head, which may hold a
        cookie, is not kept."""
        return Head(self.request.headers, self.request.user_agent).header(name)

    def key(self) -> bytes:
        """The same for each request of one visitor, as far as requests show who sends them."""
        return f"{self.request.address}\n{self.request.user_agent}".encode()

    @_Fact
    def bot(self) -> str | None:
        """Why a program sent the request, as the figures name it; None for people."""
        return bot_reason(self.head.agent, self.request.mark)

    @_Fact
    def place(self) -> Place:
        return self.locate(self.request.address)

    @_Fact
    def query(self) -> Mapping[str, list[str]]:
        """The values of each parameter, decoded."""
        if not self.request.query:
            return {}
        found: dict[str, list[str]] = {}
        pairs = self.request.query.decode("latin-1").split("&", MAX_PARAMETERS)[:MAX_PARAMETERS]
        for name, value in parse_qsl("&".join(pairs), keep_blank_values=True, errors="replace"):
            found.setdefault(name, []).append(value)
        return found

    @_Fact
    def numbered_addresses(self) -> tuple[tuple[int, int], ...]:
        """The length in bytes (4 or 16) and the number of the address, and of the IPv4 address for which an IPv6
        address stands. One that is mapped to IPv6 is IPv4 alone."""
        return _numbered(self.request.address)

    @_Fact
    def referrer_host(self) -> str:
        return _host_of(self.request.referrer)
