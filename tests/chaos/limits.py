"""Links with a limit of clicks under a fault: how many destinations they gave in the end."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

from shortener.redirect.quotas import MAX_ADVANCE
from tests.chaos.load import Load

# Of each link. One is used up about when a fault comes, and takes nothing in advance at its end; the other one goes on.
LIMITS = (200, 1500)
RATE = 150.0
# Once the faults are over, the rest is used up at this rate.
FINAL_RATE = 1500.0
# Processes give back what they have in advance after a second.
USED_UP_AFTER_S = 2.5
_WEB_PROCESSES = 2


class Given(NamedTuple):
    """Of all limited links together. `more` than a link's limit must never be; `fewer` of them were given than the
    limits allow, and `unanswered` requests may each have used one up."""

    limit: int
    more: int
    fewer: int
    unanswered: int

    @classmethod
    def of(cls, load: Load, limits: Mapping[str, int]) -> Self:
        given = Counter(answered.code for answered in load.answered.values())
        failed = sum(status >= 500 for status in load.refused.values())
        return cls(
            limit=sum(limits.values()),
            more=sum(max(given[code] - limit, 0) for code, limit in limits.items()),
            fewer=sum(max(limit - given[code], 0) for code, limit in limits.items()),
            unanswered=len(load.cut) + failed,
        )


def in_advance(limits: Iterable[int], times: int) -> int:
    """What web processes may have taken in advance when they are cut off `times` times."""
    return times * _WEB_PROCESSES * sum(min(limit // 100, MAX_ADVANCE) for limit in limits)


async def use_up(load: Load) -> None:
    """Follow the links until nobody is led on any more."""
    load.rate = FINAL_RATE
    given, since_s = -1, time.monotonic()
    while time.monotonic() - since_s < USED_UP_AFTER_S:
        if len(load.answered) != given:
            given, since_s = len(load.answered), time.monotonic()
        await asyncio.sleep(0.1)
