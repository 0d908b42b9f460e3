"""A map of the countries, shaded by numbers. Pure."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import NamedTuple

# Shades from 1 on; countries without clicks have 0.
SHADES = 6
# In the units of the paths, which scripts/make_world.py writes.
WIDTH, HEIGHT = 960, 425


class Country(NamedTuple):
    code: str
    path: str


def _read() -> tuple[Country, ...]:
    lines = (files("shortener.dashboard") / "static" / "world.txt").read_text(encoding="utf-8").splitlines()
    return tuple(Country(*line.split(" ", 1)) for line in lines)


COUNTRIES = _read()


def shaded(clicks: Mapping[str, int]) -> Iterator[tuple[Country, int, int]]:
    """Each country with its clicks and its shade, which grows with the number of digits as much as with the number:
    one country usually has most of all clicks."""
    most = max((clicks.get(country.code, 0) for country in COUNTRIES), default=0)
    for country in COUNTRIES:
        count = clicks.get(country.code, 0)
        yield country, count, _shade(count, most)


def _shade(count: int, most: int) -> int:
    return 0 if count == 0 else max(1, -(-SHADES * _root(count) // _root(most)))


def _root(count: int) -> int:
    """The square root in thousandths: whole numbers do not depend on the machine."""
    return int((count * 1_000_000) ** 0.5)
