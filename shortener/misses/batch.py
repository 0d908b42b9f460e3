"""Misses as they travel from a web process to the worker."""

from enum import StrEnum

import msgspec
import uuid_utils

from shortener.clicks.event import Click
from shortener.misses.frequent import Count, Frequent

# Longer paths are cut.
MAX_PATH = 200
DAY_MS = 24 * 3600 * 1000


class Kind(StrEnum):
    """What did not exist: a link, something at the bare root, or any other path."""

    CODE = "code"
    ROOT = "root"
    PATH = "path"


class Single(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One miss. Of a day, those with the lowest `draw` are kept, which is random, from 0 to 1. `click` has the request,
    and no link."""

    draw: float
    kind: str
    path: str
    click: Click


class PathCount(msgspec.Struct, frozen=True, array_like=True, gc=False):
    kind: str
    path: str
    count: Count


class MissBatch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Misses of one UTC day, in days since the epoch. The id reveals a second delivery."""

    id: bytes
    day: int
    totals: dict[str, int]
    floor: int
    paths: list[PathCount]
    singles: list[Single]

    def frequent(self) -> Frequent:
        counts = {(each.kind, each.path): each.count for each in self.paths}
        return Frequent(max(1, len(counts)), counts, self.floor)


def new_batch(day: int, totals: dict[str, int], frequent: Frequent, singles: list[Single]) -> MissBatch:
    paths = [PathCount(*key, count) for key, count in frequent.counts.items()]
    return MissBatch(uuid_utils.uuid7().bytes, day, totals, frequent.floor, paths, singles)
