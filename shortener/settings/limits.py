"""Limits per client: an IPv4 address or an IPv6 /64."""

from pydantic import Field

from shortener.settings.source import Section
from shortener.settings.values import (
    ByteRate,
    ByteRateLimit,
    Rate,
    RateLimit,
)


class LimitSettings(Section):
    """Limits per client: an IPv4 address or an IPv6 /64"""

    limit_api: RateLimit = Field(
        Rate(100, 60), description="API requests per client without a login or API key, or `off`."
    )
    limit_account: RateLimit = Field(Rate(1000, 60), description="API requests per user and per API key, or `off`.")
    limit_api_bytes: ByteRateLimit = Field(
        ByteRate(10_000_000, 60),
        description="Bytes of bulk requests (kB, MB, GB) per client without a login or API key, or `off`.",
    )
    limit_account_bytes: ByteRateLimit = Field(
        ByteRate(100_000_000, 60),
        description="Bytes of bulk requests (kB, MB, GB) per user and per API key, or `off`.",
    )
    limit_login: RateLimit = Field(
        Rate(10, 60),
        description="Logins, registrations, refreshes and password checks per client and per account, or `off`.",
    )
    limit_redirect: RateLimit = Field(Rate(1000, 60), description="Redirects per client, or `off`.")
    limit_miss: RateLimit = Field(
        Rate(60, 60),
        description=(
            "Unknown codes per client, or `off`. Requests that pages embed, such as pictures, use up a sixth at most."
        ),
    )
    limit_password: RateLimit = Field(
        Rate(5, 60), description="Wrong passwords of links per client, or `off`. Each link has six times as many."
    )
