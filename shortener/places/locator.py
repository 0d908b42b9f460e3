"""Where an address is: by the operator's geo database, or else by the registries' data that comes with `iptocc`, which
know countries alone."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import structlog
from iptocc import country_code

from shortener.event_loop.followed_file import FollowedFile
from shortener.places.addresses import address_text, packed_address, without_ipv6
from shortener.places.geo_database import NOWHERE, GeoDatabase, Place
from shortener.places.metrics import GEO_DATABASE_BUILT_SECONDS, GEO_DATABASE_FAILURES

log = structlog.get_logger(__name__)

_REMEMBERED = 10_000

Locate = Callable[[str], Place]


class Locator:
    """Follows the file at `path`. Until it can be read, and without one, the built-in data answer."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._file = None if path is None else FollowedFile(path, GeoDatabase, self._take, self._complain)
        self._look_up: Locate = _look_up_country
        self._remembered = lru_cache(_REMEMBERED)(self._find)
        # Whether any address can have a city: another file may change that.
        self.has_cities = False

    def locate(self, address: str) -> Place:
        """NOWHERE for an unknown address, and for text that is not an address. On the event loop only: a new database
        replaces the old one there."""
        return self._remembered(address)

    async def refresh(self) -> None:
        """Read the file if it has changed. One that cannot be used is logged and changes nothing."""
        if self._file is not None:
            await self._file.refresh()

    async def run(self) -> None:
        """Until cancelled, or not at all without a file."""
        if self._file is not None:
            await self._file.run()

    def _find(self, address: str) -> Place:
        if ":" in address:
            packed = packed_address(address)
            if packed is None:
                return NOWHERE
            address = address_text(without_ipv6(packed))
        try:
            return self._look_up(address)
        except ValueError:
            return NOWHERE

    def _take(self, database: GeoDatabase) -> None:
        self._look_up, self.has_cities = database.look_up, database.has_cities
        self._remembered.cache_clear()
        assert self._path is not None
        GEO_DATABASE_BUILT_SECONDS.labels(self._path.name).set(database.built_at_s)

    def _complain(self, error: Exception) -> None:
        GEO_DATABASE_FAILURES.inc()
        log.error("geo_database_unusable", path=str(self._path), error=repr(error))


def _look_up_country(address: str) -> Place:
    return Place(country_code(address) or "")


built_in: Locate = Locator().locate
