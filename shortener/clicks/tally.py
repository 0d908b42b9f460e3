"""What clicks come to, counted before the database is asked: while it writes one round, the next is counted."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, TypeAlias

from shortener.clicks.enrich import EnrichedClick
from shortener.clicks.models import DIMENSIONS

_VALUES = {dimension.number: attrgetter(dimension.column) for dimension in DIMENSIONS.values()}

QUARTERS_A_DAY = 96

# Arrays for the database. Those of numbers are written out: the driver takes three times as long to encode a list, and
# does so inside the transaction, in which others wait.
Columns: TypeAlias = list[str | list[str]]
# Link, visitor, UTC day since the epoch.
Visit: TypeAlias = tuple[int, int, int]


class Rows(NamedTuple):
    """What is known before the database is asked, in the order in which it is written: neighbours in an index, one
    after another. The columns of `visits` are those of `Visit`, of the breakdown link, hour since the epoch, dimension,
    value, clicks, bots."""

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
        return Rows(
            clicks=sorted(chain(self._people, self._bots), key=attrgetter("link_id")),
            visits=_columns(zip(*sorted(self._visits), strict=True)),
            breakdown=_counted(*self._values),
        )

    def mark_new(self, visits: Iterable[Visit]) -> None:
        """The database says that these are their visitors' first."""
        for visit in visits:
            self._visits[visit].is_new_visitor = True

    def series(self) -> Columns:
        """Link, quarter of an hour since the epoch, clicks, visitors, bots; once it is known who is new."""
        new = (click for click in self._visits.values() if click.is_new_visitor)
        return _counted(*(Counter((c.link_id, c.quarter) for c in those) for those in (self._people, new, self._bots)))


def _values(clicks: Sequence[EnrichedClick]) -> Iterator[tuple[int, int, int, str]]:
    links = [click.link_id for click in clicks]
    hours = [click.quarter // 4 for click in clicks]
    of_dimension = (zip(links, hours, repeat(number), map(value, clicks)) for number, value in _VALUES.items())
    return chain.from_iterable(of_dimension)


def _counted(*counters: Counter[Any]) -> Columns:
    """The parts of the counters' keys, by the first of them, then the counts of each counter; nothing without keys."""
    keys = sorted(dict.fromkeys(chain(*counters)), key=itemgetter(0))
    counts = (map(counter.get, keys, repeat(0)) for counter in counters)
    return _columns(chain(zip(*keys, strict=True), counts)) if keys else []


def _columns(columns: Iterable[Iterable[Any]]) -> Columns:
    lists = map(list, columns)
    return [each if isinstance(each[0], str) else f"{{{str(each)[1:-1]}}}" for each in lists]
