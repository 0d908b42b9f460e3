"""Domains of workspaces."""

from pydantic import Field

from shortener.settings.source import Section
from shortener.settings.values import NameServers


class DomainSettings(Section):
    """Domains"""

    dns_servers: NameServers = Field(
        (),
        description="Name servers that the records of domains are looked up at, separated by commas, such as "
        "`10.0.0.2` or `[2001:db8::1]:5353`. Default: those of the system.",
    )
