"""Looks up TXT records."""

from collections.abc import Sequence

from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.nameserver import Do53Nameserver
from dns.resolver import NXDOMAIN, NoAnswer

TIMEOUT_S = 5.0


class LookupFailed(Exception):
    """No name server could say which records there are."""


class TxtLookup:
    """`servers` are addresses and ports; empty for the servers of the system."""

    def __init__(self, servers: Sequence[tuple[str, int]] = ()) -> None:
        self._servers = servers

    async def __call__(self, name: str) -> list[str]:
        """The texts of the TXT records of a name. Raises LookupFailed."""
        try:
            # A new one for each lookup: the system's servers may change, and it remembers no answer.
            resolver = Resolver(configure=not self._servers)
            resolver.nameservers = [Do53Nameserver(*server) for server in self._servers] or resolver.nameservers
            answer = await resolver.resolve(name, "TXT", search=False, lifetime=TIMEOUT_S)
        except (NXDOMAIN, NoAnswer):
            return []
        except (DNSException, OSError) as error:
            raise LookupFailed(str(error)) from error
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
