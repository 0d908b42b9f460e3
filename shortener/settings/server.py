"""Where the product listens, and how it is reached."""

import os
from typing import Literal, Self

import ada_url
from pydantic import Field, model_validator

from shortener.settings.source import Section
from shortener.settings.values import (
    BaseUrl,
    Hosts,
    Networks,
    Origins,
)


class ServerSettings(Section):
    """Server"""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    web_processes: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, 4),
        ge=1,
        le=64,
        description="Number of web processes. Default: one per core, at most 4.",
    )
    base_url: BaseUrl = Field(
        "",
        description=(
            "Public address that short URLs start with, such as `https://sho.rt`. Default: `http://` with"
            " host and port."
        ),
    )
    api_hosts: Hosts = Field(
        (),
        description=(
            "Hosts, separated by commas, that serve the API and the pages; all others only redirect. Default: every"
            " host but the domains of workspaces."
        ),
    )
    unknown_hosts: Literal["serve", "refuse"] = Field(
        "serve",
        description=(
            "Answer for hosts that are neither the public address, nor in `API_HOSTS`, nor a domain: the service's own"
            " links (`serve`), or 404 (`refuse`)."
        ),
    )
    trusted_proxies: Networks = Field(
        (),
        description="Addresses or networks, separated by commas, whose `X-Forwarded-For` is trusted.",
    )
    hsts: Literal["off", "host", "subdomains"] = Field(
        "host",
        description=(
            "Tell browsers to use only TLS for a year: for this `host`, for its `subdomains` as well, or "
            "`off`. Applies only where the public address is https."
        ),
    )
    cors_origins: Origins = Field(
        (),
        description=(
            "Origins, separated by commas, whose pages may use the API from a browser; `*`: all. Default: none."
        ),
    )

    @property
    def own_names(self) -> frozenset[str]:
        """The hosts with the service's own links."""
        host = str(ada_url.URL(self.base_url).hostname)
        return frozenset((host.rstrip(".").lower(), *self.api_hosts))

    @model_validator(mode="after")
    def _default_base_url(self) -> Self:
        if not self.base_url:
            host = {"0.0.0.0": "localhost", "::": "localhost"}.get(self.host, self.host)  # noqa: S104
            host = f"[{host}]" if ":" in host else host
            object.__setattr__(self, "base_url", f"http://{host}:{self.port}")
        return self
