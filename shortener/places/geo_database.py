"""The operator's geo database: a file in MaxMind's format (MMDB), with records as GeoIP2 and GeoLite2 have them."""

import itertools
from pathlib import Path
from typing import Any, NamedTuple

import maxminddb

from shortener.places.shared_copy import shared_copy

# A database with cities has one within its first few networks.
_NETWORKS_LOOKED_AT = 2000


class Place(NamedTuple):
    """`country` is an ISO 3166 code of two letters, `region` and `city` are English names. Empty: unknown."""

    country: str = ""
    region: str = ""
    city: str = ""


NOWHERE = Place()


class UnusableDatabase(Exception):
    """The message says why."""


class GeoDatabase:
    """Looks up addresses in a copy of the file at `path`. Raises UnusableDatabase, OSError."""

    def __init__(self, path: Path) -> None:
        with shared_copy(path) as copy:
            try:
                self._reader = maxminddb.open_database(copy)
                some = [_place(record) for _, record in itertools.islice(self._reader, _NETWORKS_LOOKED_AT)]
            except (maxminddb.InvalidDatabaseError, ValueError) as error:
                raise UnusableDatabase(f"{path} is not a whole MMDB file: {error}") from None
        if not any(place.country for place in some):
            raise UnusableDatabase(f"{path} has no countries: its type is {self._reader.metadata().database_type}")
        self.has_cities = any(place.city for place in some)
        self.built_at_s = self._reader.metadata().build_epoch

    def look_up(self, address: str) -> Place:
        """NOWHERE where the file says nothing. Raises ValueError for text that is not an address."""
        try:
            return _place(self._reader.get(address))
        except maxminddb.InvalidDatabaseError:  # A part of the file is damaged.
            return NOWHERE


def _place(record: Any) -> Place:
    country = _text(record, "country", "iso_code")
    # Every click stores it, and a wrong text would fill the figures.
    if not (len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()):
        country = ""
    return Place(country, _text(record, "subdivisions", 0, "names", "en"), _text(record, "city", "names", "en"))


def _text(record: Any, *steps: str | int) -> str:
    """The text at the end of these steps into a record; empty if there is none."""
    try:
        for step in steps:
            record = record[step]
    except (KeyError, IndexError, TypeError):
        return ""
    return record if isinstance(record, str) else ""
