"""Parses and compares hosts of bans and block lists. Pure."""

import re
from collections.abc import Container
from functools import cache

import ada_url
from publicsuffixlist import PublicSuffixList

from shortener.screening.destinations import plain_host
from shortener.text import trim

# Names that parsing would not change: no address ends in letters, and Punycode has separate rules.
_PLAIN = re.compile(r"(?:(?!xn--)[a-z0-9-]+\.)*(?!xn--)[a-z]{2,63}")
_NORMAL = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:]+\]")
# Characters that end the host of a URL or precede it.
_NO_PART_OF_A_HOST = re.compile(r"[\s/\\?#@]|:\d*$")


def read_host(text: str) -> str:
    """A host in normal form, as in URLs: lower case, Punycode, addresses in full. Raises ValueError."""
    text = trim(text).rstrip(".")
    if _PLAIN.fullmatch(text):
        return text
    if _NO_PART_OF_A_HOST.search(text):
        raise ValueError("not a host name; use a form such as example.com")
    try:
        host = plain_host(ada_url.URL(f"http://{text}/").hostname)
    except ValueError:
        host = ""
    if not _NORMAL.fullmatch(host):
        raise ValueError("not a host name; use a form such as example.com")
    return host


def is_public_suffix(host: str) -> bool:
    """Whether strangers register names directly under this host, as under `com`, `co.uk` or `github.io`, by the Public
    Suffix List (publicsuffix.org)."""
    return _public_suffixes().publicsuffix(host) == host


@cache
def _public_suffixes() -> PublicSuffixList:
    # A name that is not listed, such as localhost, is not a suffix.
    return PublicSuffixList(accept_unknown=False)


def covers(hosts: Container[str], host: str) -> bool:
    """Whether the host or one of its parent domains is in this set."""
    while host not in hosts:
        _, dot, host = host.partition(".")
        if not dot:
            return False
    return True
