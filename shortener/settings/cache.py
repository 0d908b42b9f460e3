"""The cache of links."""

from pydantic import Field

from shortener.settings.source import Section


class CacheSettings(Section):
    """Cache"""

    cache_ttl_s: int = Field(3600, ge=1, description="Seconds that a link stays in Redis.")
    cache_missing_ttl_s: int = Field(30, ge=1, description="Seconds that an unknown code is remembered.")
    cache_memory_size: int = Field(
        16_000, ge=1, description="Links that each process keeps in memory, and a quarter as many unknown codes."
    )
