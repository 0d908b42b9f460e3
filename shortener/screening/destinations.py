"""Validates and normalizes destinations. URLs are parsed as browsers parse them (WHATWG), so that both read them alike.
Pure."""

import ipaddress
import re
from typing import NamedTuple

import ada_url

from shortener.places.addresses import without_ipv6
from shortener.redirect.location import encode
from shortener.screening.urls import DEFAULT_PORTS, authority, parse, port_of
from shortener.text import trim

MAX_LENGTH = 8192
_LEADS_BACK = "the URL leads back to this service"
# Unicode's categories Cc, Cs, Zl and Zp.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PRINTABLE_ASCII = re.compile(r"[\x21-\x7e]+")
# Browsers read "\" as "/" and add missing slashes; other programs that follow links read such a URL differently.
_PLAIN_STRUCTURE = re.compile(r"https?://[^/\\?#][^\\?#]*([?#].*)?", re.IGNORECASE)
# Names that DNS can look up (RFC 1035, 2.3.4): 1 to 63 characters between two dots, 253 in total. Underscores occur.
_HOST = re.compile(r"(?=.{1,253}\Z)(?=.*[a-z0-9])[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*|\[[0-9a-f:]+\]")
# A URL that a mail program has wrapped. Browsers drop the line breaks. After one, another URL may begin.
_WRAPPED = re.compile(r"https?://\S+(?:[\r\n]+(?!https?://)\S+)+", re.IGNORECASE)

# Almost every URL. The rules below would not change a URL that matches, so it need not be parsed, which takes ten times
# as long: the host is a name whose last label has only letters (unlike an address), and no other part has characters
# that would be encoded.
_CHARACTERS = r"(?:[A-Za-z0-9!$&()*+,./:;=?@_~-]++|%[0-9A-Fa-f]{2})*+"
_PLAIN = re.compile(rf"https?://((?:[a-z0-9-]{{1,63}}[.])+[a-z]{{2,63}})(?:[/?]{_CHARACTERS})?(?:#{_CHARACTERS})?")


# The host of such a URL; anything may follow.
_PLAIN_HOST = re.compile(r"https?://((?:[a-z0-9-]+[.])+[a-z]{2,})(?:[/?#]|\Z)")


class OwnHosts(NamedTuple):
    """This service's own addresses: a link that leads there would be a loop. Another port is another service.

    `ports` are those of the named hosts, `local_ports` those of the machine itself (localhost and its addresses).
    """

    names: frozenset[str]
    ports: frozenset[int]
    local_ports: frozenset[int]


def own_hosts(base_url: str, port: int) -> OwnHosts:
    """The addresses that follow from the public address and the port that the service listens on."""
    url = ada_url.URL(base_url)
    names = set() if _is_this_machine(url.hostname) else {plain_host(url.hostname)}
    local_ports = {port_of(url), port}
    # A proxy in front of the service answers on both default ports.
    defaults = set(DEFAULT_PORTS.values())
    ports = local_ports | defaults if port_of(url) in defaults else local_ports
    return OwnHosts(frozenset(names), frozenset(ports), frozenset(local_ports))


class Destination(NamedTuple):
    """A URL as in the Location header, and its host in the form of `plain_host`."""

    url: str
    host: str


def read_destination(text: str, own: OwnHosts) -> Destination:
    """Raises ValueError with the reason.

    White space and invisible characters around the text are dropped. A pure ASCII URL that programs read alike with and
    without normalization is kept byte for byte; any other is stored in its normal form (Punycode host, percent-encoded
    path). In both, characters that RFC 3986 forbids are percent-encoded.
    """
    host = _plain_name(text)
    if host is None or host in own.names:
        return _check_parsed(text, own)
    return Destination(text, host)


def host_of(url: str) -> str:
    """The host of an accepted URL, as in `Destination`."""
    plain = _PLAIN_HOST.match(url)
    return plain_host(ada_url.URL(url).hostname) if plain is None else plain[1]


def _plain_name(text: str) -> str | None:
    """The host of a URL, if it need not be parsed."""
    # Normalization adds at most a slash to a match. Punycode and this machine have separate rules.
    if len(text) >= MAX_LENGTH or (plain := _PLAIN.fullmatch(text)) is None:
        return None
    host = plain[1]
    return None if "xn--" in host or host.endswith(".localhost") or len(host) > 253 else host


def _check_parsed(text: str, own: OwnHosts) -> Destination:
    text = trim(text)
    if not text:
        raise ValueError("the URL is empty")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the URL is longer than {MAX_LENGTH} characters")
    if _WRAPPED.fullmatch(text):
        text = re.sub(r"[\r\n]+", "", text)
    if _CONTROL.search(text):
        raise ValueError("the URL contains control characters")
    url = parse(text)
    if "@" in text and (url.username or url.password or "@" in authority(text)):
        raise ValueError("the URL contains credentials (user@ or user:password@)")
    if is_own(url, own):
        raise ValueError(_LEADS_BACK)
    if _HOST.fullmatch(str(url.hostname).removesuffix(".")) is None:
        raise ValueError(f"{url.hostname} is not a valid host name")
    href = str(url.href)
    encoded = encode(text if _is_same_to_browsers(text, href) else href)
    if max(len(href), len(encoded)) > MAX_LENGTH:
        raise ValueError(f"the URL is longer than {MAX_LENGTH} characters once it is encoded")
    return Destination(encoded, plain_host(url.hostname))


def _is_same_to_browsers(text: str, href: str) -> bool:
    # In a Location header a URL is resolved against the short URL: "https:example.com" would be a path there.
    if _PRINTABLE_ASCII.fullmatch(text) is None or _PLAIN_STRUCTURE.fullmatch(text) is None:
        return False
    return text == href or all(
        str(ada_url.URL(text, base=f"{scheme}://base.invalid/code").href) == href for scheme in ("http", "https")
    )


def plain_host(host: str) -> str:
    """A parsed URL's host in its normal form: lower case, and IPv4 in IPv6 as IPv4."""
    host = host.rstrip(".").lower()
    if not host.startswith("["):
        return host
    packed = without_ipv6(ipaddress.IPv6Address(host[1:-1]).packed)
    return str(ipaddress.IPv4Address(packed)) if len(packed) == 4 else host


def _is_this_machine(host: str) -> bool:
    host = plain_host(host)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    # In a parsed URL only an address ends in a digit or a bracket. Trying to parse each name would be slow.
    if not host.endswith((*"0123456789", "]")):
        return False
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def is_own(url: ada_url.URL, own: OwnHosts) -> bool:
    """Whether the URL leads to this service."""
    host = url.hostname
    if _is_this_machine(host):
        return port_of(url) in own.local_ports
    return plain_host(host) in own.names and port_of(url) in own.ports
