"""Parses URLs as browsers do (WHATWG), and explains what is wrong with invalid ones. Pure."""

import re

import ada_url

DEFAULT_PORTS = {"http:": 80, "https:": 443}
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
# A host with a port, which reads as a scheme.
_HOST_AND_PORT = re.compile(r"(?:localhost|[^\s/?#@:]+\.[^\s/?#@:]+):\d{1,5}(?:[/?#]|\Z)", re.IGNORECASE)
# Words, quotes or brackets before the URL.
_WORDS_BEFORE = re.compile(r"(?!https?:)(?![a-z][a-z0-9+.-]*:\S)[^/?#]{1,40}?https?://", re.IGNORECASE)
_MISSPELT = re.compile(r"(?!https?:)h?t{1,3}ps?[:;,.]*//", re.IGNORECASE)


def parse(text: str) -> ada_url.URL:
    """Parse an http or https URL. Raises ValueError with an explanation for people who mistyped it."""
    if fault := _fault_of_beginning(text):
        raise ValueError(f"this is not a valid URL. {fault}")
    try:
        url = ada_url.URL(text)
    except ValueError:
        raise ValueError(f"this is not a valid URL. {_fault_of_authority(text)}") from None
    if url.protocol not in DEFAULT_PORTS:
        raise ValueError(f"the URL's scheme is {url.protocol.rstrip(':')}; only http and https are allowed")
    if url.hostname in ("http", "https") and url.pathname.startswith("//"):
        raise ValueError("this is not a valid URL. It begins with http:// or https:// twice")
    return url


def authority(text: str) -> str:
    """The part with user, host and port, after any number of slashes and backslashes."""
    match = re.match(r"[A-Za-z]+:[/\\]*([^/\\?#]*)", text)
    return match[1] if match else ""


def port_of(url: ada_url.URL) -> int:
    return int(url.port or DEFAULT_PORTS[url.protocol])


def _fault_of_beginning(text: str) -> str | None:
    if _WORDS_BEFORE.match(text):
        return "Remove the characters before http:// or https://"
    if _MISSPELT.match(text):
        return "Its beginning is misspelt: write https:// or http://"
    if _HOST_AND_PORT.match(text) or not _SCHEME.match(text):
        return "Put https:// or http:// in front of it"
    return None


def _fault_of_authority(text: str) -> str:
    where = authority(text)
    _, colon, port = where.rpartition(":")
    if not where or where.startswith(":"):
        return "It has no host"
    if colon and "]" not in port and not (re.fullmatch("[0-9]+", port) and int(port[:6]) < 65536):
        return "Its port is not a number up to 65535"
    return "Its host is not a name or an address"
