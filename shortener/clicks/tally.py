"""What clicks come to, counted before the database is asked: while it writes one round, the next is counted."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from operator import attrgetter
from typing import Any, TypeAlias

from shortener.clicks.enrich import EnrichedClick

# Numbers in the database: only ever add to them.
DIMENSIONS = {"referrers": 1, "countries": 2, "browsers": 3, "systems": 4, "devices": 5}

_VALUES = {
    DIMENSIONS["referrers"]: attrgetter("referrer_host"),
    DIMENSIONS["countries"]: attrgetter("country"),
    DIMENSIONS["browsers"]: attrgetter("browser"),
    DIMENSIONS["systems"]: attrgetter("system"),
    DIMENSIONS["devices"]: attrgetter("device"),
}

Columns: TypeAlias = list[Sequence[Any]]


class Tally:
    """Adds up clicks of people and of bots."""

    def __init__(self) -> None:
        self.people: list[EnrichedClick] = []
        self.bots: list[EnrichedClick] = []
        self._values: tuple[Counter[Any], Counter[Any]] = Counter(), Counter()

    def __len__(self) -> int:
        return len(self.people) + len(self.bots)

    def add(self, clicks: Iterable[EnrichedClick]) -> None:
        people = [click for click in clicks if click.bot is None]
        bots = [click for click in clicks if click.bot is not None]
        self.people += people
        self.bots += bots
        for counter, those in zip(self._values, (people, bots), strict=True):
            counter.update(_values(those))

    def breakdown(self) -> Columns:
        """Link, hour since the epoch, dimension, value, clicks, bots."""
        return _columns(*self._values)

    def series(self) -> Columns:
        """Link, quarter of an hour since the epoch, clicks, visitors, bots; once it is known who is new."""
        new = (click for click in self.people if click.is_new_visitor)
        return _columns(*(Counter((c.link_id, c.quarter) for c in those) for those in (self.people, new, self.bots)))


def _values(clicks: Sequence[EnrichedClick]) -> Iterator[tuple[int, int, int, str]]:
    links = [click.link_id for click in clicks]
    hours = [click.quarter // 4 for click in clicks]
    of_dimension = (zip(links, hours, repeat(number), map(value, clicks)) for number, value in _VALUES.items())
    return chain.from_iterable(of_dimension)


def _columns(*counters: Counter[Any]) -> Columns:
    """The parts of the counters' keys, then the counts of each counter; nothing where there are no keys."""
    keys = list(dict.fromkeys(chain(*counters)))
    if not keys:
        return []
    return [*zip(*keys, strict=True), *(list(map(counter.get, keys, repeat(0))) for counter in counters)]
