"""Which links the host of a request stands for.

In the database and in every cache, the code of a domain's link has the domain in front: `go.example.com/spring`. A code
without a slash is one of the service's own links.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from starlette.types import Scope

_AUTHORITY = re.compile(rb"([a-z0-9._-]+|\[[0-9a-f:.]+\])\.?(?::[0-9]{0,5})?", re.IGNORECASE)
_BASE = re.compile(r"(https?://)(.*?)(:[0-9]+)?")
OWN: Final = ""
# No domain has this name, so no link is found.
GONE: Final = "-/"


class Site(msgspec.Struct, frozen=True, gc=False):
    """Where a domain leads visitors: from its bare name, from codes that do not exist, and from links that have ended.
    The URLs are percent-encoded. `is_gone`: the domain was removed, so that its links do not work."""

    root_url: str | None = None
    not_found_url: str | None = None
    expired_url: str | None = None
    is_gone: bool = False


class Hosts:
    """The service's own hosts and the domains. `refuses_unknown`: other hosts have no links; otherwise they have the
    service's own."""

    def __init__(self, own: Iterable[str], refuses_unknown: bool) -> None:
        self._own = frozenset(own)
        self._of_unknown = None if refuses_unknown else OWN
        self.sites: Mapping[str, Site] = {}
        # By the host as most clients send it. The redirect looks here first.
        self.prefixes: dict[bytes, str] = {}
        self.replace({})

    def replace(self, sites: Mapping[str, Site]) -> None:
        """Take these as the domains, by their names."""
        self.sites = sites
        self.prefixes.clear()
        self.prefixes.update({host.encode(): OWN for host in self._own})
        self.prefixes.update({host.encode(): GONE if site.is_gone else f"{host}/" for host, site in sites.items()})

    def prefix_of(self, sent: bytes) -> str | None:
        """What stands before codes of the host in a Host header: nothing for the service's own; None if there are no
        links."""
        prefix = self.prefixes.get(sent)
        return self.prefixes.get(plain_name(sent).encode(), self._of_unknown) if prefix is None else prefix

    def site_of(self, code: str) -> Site | None:
        """The domain of a link's code; None for the service's own links."""
        domain, slash, _ = code.rpartition("/")
        return self.sites.get(domain) if slash else None

    def is_own(self, sent: bytes) -> bool:
        return plain_name(sent) in self._own


def host_of(scope: Scope) -> bytes:
    """The Host header of a request; empty if it has none."""
    return next((value for name, value in scope["headers"] if name == b"host"), b"")


def plain_name(sent: bytes) -> str:
    """The host of a Host header in its normal form, without the port; empty if it is malformed."""
    match = _AUTHORITY.fullmatch(sent)
    return "" if match is None else match[1].decode("ascii").rstrip(".").lower()


def qualified(code: str, domain: str | None) -> str:
    """The code as it is stored."""
    return code if domain is None else f"{domain}/{code}"


def split_code(stored: str) -> tuple[str | None, str]:
    """The domain, None for the service's own links, and the code without it."""
    domain, slash, code = stored.rpartition("/")
    return domain if slash else None, code


def path_of(stored: str) -> str:
    """The path of a link on its domain."""
    return "/" + stored.rpartition("/")[2]


def short_url(base_url: str, stored: str) -> str:
    """The address of a link. A domain has the scheme and the port of the base URL."""
    domain, code = split_code(stored)
    if domain is None:
        return f"{base_url}/{code}"
    base = _BASE.fullmatch(base_url)
    assert base is not None
    return f"{base[1]}{domain}{base[3] or ''}/{code}"
