"""Adds up the counts of a round before its transaction: while the database writes one round, the next is counted."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, compress, repeat
from operator import attrgetter, is_not, itemgetter
from typing import Any, NamedTuple, TypeAlias

from shortener.clicks.bounds import fold_counts
from shortener.clicks.enrich import EnrichedClick
from shortener.clicks.models import DIMENSIONS

_VALUES = {dimension.number: attrgetter(dimension.column) for dimension in DIMENSIONS.values()}

QUARTERS_A_DAY = 96

# Arrays for the database. Numbers are written as text: the driver takes three times as long to encode a list, and does
# so inside the transaction, for which others wait.
Columns: TypeAlias = list[str | list[str]]
# Link, visitor, UTC day since the epoch.
Visit: TypeAlias = tuple[int, int, int]


class Rows(NamedTuple):
    """Rows computed before the transaction, sorted by index key. The columns of `visits` are those of `Visit`, of the
    breakdown link, hour since the epoch, dimension, value, clicks, bots."""

    clicks: list[EnrichedClick]
    visits: Columns
    breakdown: Columns


class Tally:
    """Adds up clicks of people and of bots."""

    def __init__(self) -> None:
        self._people: list[EnrichedClick] = []
        self._bots: list[EnrichedClick] = []
        self._visits: dict[Visit, EnrichedClick] = {}
        self._values: tuple[Counter[Any], Counter[Any]] = Counter(), Counter()

    def __len__(self) -> int:
        return len(self._people) + len(self._bots)

    def add(self, clicks: Iterable[EnrichedClick]) -> None:
        people = [click for click in clicks if click.bot is None]
        bots = [click for click in clicks if click.bot is not None]
        self._people += people
        self._bots += bots
        for click in people:
            self._visits.setdefault((click.link_id, click.visitor, click.quarter // QUARTERS_A_DAY), click)
        for counter, those in zip(self._values, (people, bots), strict=True):
            counter.update(_values(those))

    def rows(self) -> Rows:
        fold_counts(self._values, Counter(click.link_id for click in chain(self._people, self._bots)))
        return Rows(
            clicks=sorted(chain(self._people, self._bots), key=attrgetter("link_id")),
            visits=_columns(zip(*sorted(self._visits), strict=True)),
            breakdown=_counted(*self._values),
        )

    def mark_new(self, visits: Iterable[Visit]) -> None:
        """Count these visits as first ones of their visitors, as the database reports."""
        for visit in visits:
            self._visits[visit].is_new_visitor = True

    def hours(self, links: set[int]) -> set[tuple[int, int]]:
        """The hours since the epoch in which these links have clicks, each with its link."""
        return {(c.link_id, c.quarter // 4) for c in chain(self._people, self._bots) if c.link_id in links}

    def uncharged(self) -> Columns:
        """Link, people's clicks that no limit has been charged for; by link."""
        return _counted(Counter((click.link_id,) for click in self._people if not click.is_charged))

    def charged(self) -> list[int]:
        """Links with a limit to which clicks were charged."""
        return sorted({click.link_id for click in self._people if click.is_charged})

    def series(self) -> Columns:
        """Columns of link, quarter of an hour since the epoch, clicks, visitors, bots; call after `mark_new`."""
        new = (click for click in self._visits.values() if click.is_new_visitor)
        return _counted(*(Counter((c.link_id, c.quarter) for c in those) for those in (self._people, new, self._bots)))


def _values(clicks: Sequence[EnrichedClick]) -> Iterator[tuple[int, int, int, str]]:
    links = [click.link_id for click in clicks]
    hours = [click.quarter // 4 for click in clicks]
    for number, value_of in _VALUES.items():
        values = list(map(value_of, clicks))
        rows = zip(links, hours, repeat(number), values)
        # Of most dimensions either all clicks have a value or none has.
        if None not in values:
            yield from rows
        elif any(values):
            yield from compress(rows, map(is_not, values, repeat(None)))


def _counted(*counters: Counter[Any]) -> Columns:
    """Columns of the counters' keys, sorted, then of each counter's counts; empty without keys."""
    keys = sorted(dict.fromkeys(chain(*counters)), key=itemgetter(0))
    counts = (map(counter.get, keys, repeat(0)) for counter in counters)
    return _columns(chain(zip(*keys, strict=True), counts)) if keys else []


def _columns(columns: Iterable[Iterable[Any]]) -> Columns:
    lists = map(list, columns)
    return [each if isinstance(each[0], str) else f"{{{str(each)[1:-1]}}}" for each in lists]
