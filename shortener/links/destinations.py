"""Where links may lead. URLs are parsed as browsers parse them (WHATWG), so that nothing is read in two ways. Pure."""

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

import ada_url

MAX_LENGTH = 8192
_LEADS_BACK = "the URL leads back to this service"
# IPv4 in IPv6's clothes: the system connects to that address, or (NAT64) the network that the visitor is in does.
_IPV4_IN_IPV6 = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))
_DEFAULT_PORTS = {"http:": 80, "https:": 443}
# Unicode's categories Cc, Cs, Zl and Zp.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PRINTABLE_ASCII = re.compile(r"[\x21-\x7e]+")
# Browsers take "\" for "/" and leave out slashes; what else follows links reads such a URL in another way.
_PLAIN_STRUCTURE = re.compile(r"https?://[^/\\?#][^\\?#]*([?#].*)?", re.IGNORECASE)

# Almost every URL. What matches is kept to the byte by the rules below, so that it need not be parsed, which takes ten
# times as long: the host is a name whose last label has letters only (an address cannot end so), and the rest are
# signs that no part of a URL has encoded.
_PLAIN = re.compile(r"https?://((?:[a-z0-9-]+[.])+[a-z]{2,})(?:[/?#][A-Za-z0-9!$%&()*+,./:;=?@_~#-]*)?")


# The host of such a URL, whatever follows it.
_PLAIN_HOST = re.compile(r"https?://((?:[a-z0-9-]+[.])+[a-z]{2,})(?:[/?#]|\Z)")


class OwnHosts(NamedTuple):
    """This service's own addresses: to lead there would be a loop.

    A named host counts on every port; the machine itself (localhost and its addresses) on these ports only.
    """

    names: frozenset[str]
    ports: frozenset[int]


def own_hosts(base_url: str, port: int) -> OwnHosts:
    """Those that follow from the public address and the port that is listened on."""
    parts = urlsplit(base_url)
    url = ada_url.URL(base_url)
    names = set() if _is_this_machine(url.hostname) else {plain_host(url.hostname)}
    return OwnHosts(frozenset(names), frozenset({parts.port or _DEFAULT_PORTS[url.protocol], port}))


class Destination(NamedTuple):
    """A URL as the Location header will carry it, and its host as `plain_host` has it."""

    url: str
    host: str


def read_destination(text: str, own: OwnHosts) -> Destination:
    """Raises ValueError with the reason.

    A URL that is pure ASCII, and that is read alike with and without normalising, is kept to the byte;
    any other is stored in its normal form (Punycode host, percent-encoded path).
    """
    host = _plain_name(text)
    if host is None:
        return _check_parsed(text, own)
    if host in own.names:
        raise ValueError(_LEADS_BACK)
    return Destination(text, host)


def host_of(url: str) -> str:
    """The host of a URL that was accepted, as in `Destination`."""
    plain = _PLAIN_HOST.match(url)
    return plain_host(ada_url.URL(url).hostname) if plain is None else plain[1]


def _plain_name(text: str) -> str | None:
    """The host of a URL that need not be parsed."""
    # Normalising adds at most a slash to what matches. Punycode has rules of its own, and so has this machine.
    if len(text) >= MAX_LENGTH or (plain := _PLAIN.fullmatch(text)) is None:
        return None
    host = plain[1]
    return None if "xn--" in host or host.endswith(".localhost") else host


def _check_parsed(text: str, own: OwnHosts) -> Destination:
    text = text.strip(" ")
    if not text:
        raise ValueError("the URL is empty")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the URL is longer than {MAX_LENGTH} characters")
    if _CONTROL.search(text):
        raise ValueError("the URL holds control characters")
    url = _parse(text)
    if "@" in text and (url.username or url.password or "@" in _authority(text)):
        raise ValueError("the URL holds credentials (user@ or user:password@)")
    if _is_own(url, own):
        raise ValueError(_LEADS_BACK)
    href = str(url.href)
    if len(href) > MAX_LENGTH:
        raise ValueError(f"the URL is longer than {MAX_LENGTH} characters once it is encoded")
    return Destination(text if _is_same_to_browsers(text, href) else href, plain_host(url.hostname))


def _parse(text: str) -> ada_url.URL:
    try:
        url = ada_url.URL(text)
    except ValueError:
        hint = "" if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text) else "; it begins with http:// or https://"
        raise ValueError(f"this is no valid URL{hint}") from None
    if url.protocol not in _DEFAULT_PORTS:
        raise ValueError(f"the URL's scheme is {url.protocol.rstrip(':')}; only http and https are allowed")
    return url


def _authority(text: str) -> str:
    """What stands where user, host and port do, however many slashes, and of which kind, stand before it."""
    match = re.match(r"[A-Za-z]+:[/\\]*([^/\\?#]*)", text)
    return match[1] if match else ""


def _is_same_to_browsers(text: str, href: str) -> bool:
    # In a Location header a URL is resolved against the short URL: "https:example.com" would be a path there.
    if _PRINTABLE_ASCII.fullmatch(text) is None or _PLAIN_STRUCTURE.fullmatch(text) is None:
        return False
    return text == href or all(
        str(ada_url.URL(text, base=f"{scheme}://base.invalid/code").href) == href for scheme in ("http", "https")
    )


def plain_host(host: str) -> str:
    """A parsed URL's host in the one form in which it is compared: in small letters, IPv4 as such."""
    host = host.rstrip(".").lower()
    if not host.startswith("["):
        return host
    address = ipaddress.IPv6Address(host[1:-1])
    if any(address in network for network in _IPV4_IN_IPV6):
        return str(ipaddress.IPv4Address(address.packed[-4:]))
    return host


def _is_this_machine(host: str) -> bool:
    host = plain_host(host)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    # Only an address ends in a digit or a bracket once the URL is parsed; to ask of each name would take long.
    if not host.endswith((*"0123456789", "]")):
        return False
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _is_own(url: ada_url.URL, own: OwnHosts) -> bool:
    host = url.hostname
    if _is_this_machine(host):
        return int(url.port or _DEFAULT_PORTS[url.protocol]) in own.ports
    return plain_host(host) in own.names
