"""Requests for things that do not exist."""

from pydantic import Field

from shortener.settings.source import Section


class MissSettings(Section):
    """Misses"""

    misses_days: int = Field(30, ge=1, le=3650, description="Days for which misses are kept.")
    misses_paths: int = Field(
        1000,
        ge=1,
        le=10_000,
        description="Paths per day whose misses are counted one by one: the most frequent ones. "
        "The rest is in the totals.",
    )
    misses_singles: int = Field(
        1000, ge=1, le=10_000, description="Single misses per day that are kept: beyond that number, a random sample."
    )
