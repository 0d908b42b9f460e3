"""One fault under load: before, during and after; and what became of each request."""

import asyncio
import math
import random
import time
from collections.abc import Iterable
from typing import NamedTuple

from tests.chaos.books import compare, settle
from tests.chaos.faults import Fault, Scene, forgivable
from tests.chaos.limits import LIMITS, RATE, Given, in_advance, use_up
from tests.chaos.load import Answered, Load
from tests.chaos.site import Site
from tests.chaos.watch import Taken, Watch

LINKS = 20
WARM_UP_S = 0.3
AFTERMATH_S = 0.2
# Bounds where redirects of links in memory go on: failed requests, median, and growth of both web processes' memory and
# connections together, which are fewer than their pools to PostgreSQL have.
MAX_FAILED_SHARE = 0.01
MAX_P50_MS = 50.0
MAX_GROWN = Taken(memory_mb=80.0, files=20)
# Where redirects must stay fast: multiple of the p99 before the fault.
MAX_SLOWDOWN = 3.0


class Form(NamedTuple):
    """How much of it: which of a fault's two numbers, and the load around it."""

    is_long: bool
    rate: float
    before_s: float
    gap_s: tuple[float, float]
    after_s: float
    # A p99 below this is never too slow: other work of the machine costs as much.
    noise_ms: float


SHORT = Form(False, 600, 0.7, (0.1, 0.4), 0.3, 500.0)
LONG = Form(True, 600, 2.0, (0.1, 0.5), 1.0, 100.0)


class Latency(NamedTuple):
    p50_ms: float
    p99_ms: float
    max_ms: float


class Outcome(NamedTuple):
    """`beyond` is what was lost although it must not be."""

    fault: Fault
    requests: int
    times: int
    failed: int
    lost: int
    beyond: int
    twice: int
    invented: int
    misplaced: int
    wrong_sums: int
    before: Latency
    during: Latency
    grown: Taken
    given: Given


def broken(outcome: Outcome, form: Form) -> list[str]:
    """Promises that did not hold."""
    o = outcome
    wrong = [name for name in ("beyond", "twice", "invented", "misplaced", "wrong_sums") if getattr(o, name)]
    wrong += ["limits exceeded"] if o.given.more else []
    wrong += ["limits not used up"] if o.given.fewer > o.given.unanswered + _may_lack(o) else []
    if o.fault.goes_on:
        wrong += ["failed"] if o.failed > o.requests * MAX_FAILED_SHARE else []
        wrong += ["p50"] if o.during.p50_ms > MAX_P50_MS else []
        wrong += ["memory"] if o.grown.memory_mb > MAX_GROWN.memory_mb else []
        wrong += ["connections"] if o.grown.files >= MAX_GROWN.files else []
    if o.fault.is_unfelt and o.during.p99_ms > max(MAX_SLOWDOWN * o.before.p99_ms, form.noise_ms):
        wrong.append("p99")
    return wrong


def _may_lack(outcome: Outcome) -> int:
    return in_advance(LIMITS, outcome.times) if outcome.fault.takes_advance else 0


async def play(site: Site, fault: Fault, form: Form) -> Outcome:
    await site.set_up(**fault.site)
    links = site.take_links(LINKS)
    load = Load(site.port, list(links), form.rate)
    limits = site.take_limited_links()
    limited = Load(site.port, list(limits), RATE)
    scene = Scene(site, load, links, fault.hold_s[form.is_long])
    began_s: list[float] = []
    ended_s: list[float] = []
    async with limited:
        async with load, Watch(site.webs) as watch:
            start_s = time.monotonic() + WARM_UP_S
            await asyncio.sleep(WARM_UP_S + form.before_s)
            watch.begin()
            for _ in range(fault.times[form.is_long]):
                await asyncio.sleep(random.uniform(*form.gap_s))
                began_s.append(time.monotonic())
                await fault.inject(scene)
                ended_s.append(time.monotonic())
                if fault.hold_s[form.is_long] == 0:
                    # It lasts no time itself; what follows from it does.
                    await asyncio.sleep(AFTERMATH_S)
            await asyncio.sleep(form.after_s)
        await use_up(limited)
    await settle(site, links, load, scene.taken)
    books = await compare(site, links, load)
    spans = [(begin, end + AFTERMATH_S) for begin, end in zip(began_s, ended_s, strict=True)]
    return Outcome(
        fault=fault,
        requests=load.requests,
        times=len(began_s),
        failed=load.failed,
        lost=len(books.lost),
        beyond=len(books.lost - scene.taken - forgivable(fault, load, began_s, ended_s, books.lost)),
        twice=books.twice,
        invented=books.invented,
        misplaced=books.misplaced,
        wrong_sums=books.wrong_sums,
        before=_latency(a.took_s for a in load.answered.values() if start_s <= a.sent_s < began_s[0]),
        during=_latency(a.took_s for a in load.answered.values() if any(_meets(a, *span) for span in spans)),
        grown=watch.grown,
        given=Given.of(limited, limits),
    )


def _meets(answered: Answered, begin_s: float, end_s: float) -> bool:
    """Whether the request was on its way at a moment of this span."""
    return answered.sent_s <= end_s and answered.at_s >= begin_s


def _latency(took_s: Iterable[float]) -> Latency:
    ordered = sorted(took_s)
    if not ordered:
        return Latency(math.nan, math.nan, math.nan)
    at = [ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000 for share in (0.5, 0.99, 1)]
    return Latency(*at)
