"""Listeners of live messages."""

from pydantic import Field

from shortener.settings.source import Section


class LiveSettings(Section):
    """Live messages"""

    live_connections: int = Field(
        5000, ge=0, le=100_000, description="Listeners per web process (docs/live.md). Each takes up to 50 KB."
    )
    live_connections_per_user: int = Field(
        50, ge=1, le=10_000, description="Listeners per user and web process, and of all without an account together."
    )
