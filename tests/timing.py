"""Whether two requests take the same time, on a machine that does other things as well."""

import time
from collections.abc import Awaitable, Callable
from statistics import median

Request = Callable[[], Awaitable[object]]
ROUNDS = 5


async def assert_same_time(one: Request, other: Request, *, pairs: int, most: float) -> None:
    """Of pairs of requests the median ratio is at most `most`, either way, in one of some rounds: what is really slower
    is so in each of them, and what the machine did meanwhile is not."""
    ratios: list[float] = []
    for _ in range(ROUNDS):
        ratios.append(await _ratio(one, other, pairs))
        if 1 / most < ratios[-1] < most:
            return
    raise AssertionError(f"ratios of the two times: {ratios}")


async def _ratio(one: Request, other: Request, pairs: int) -> float:
    """In turn: each is the first of a pair as often as the other."""
    ratios = []
    for n in range(pairs):
        if n % 2:
            its, others = await _took_s(one), await _took_s(other)
        else:
            others, its = await _took_s(other), await _took_s(one)
        ratios.append(its / others)
    return median(ratios)


async def _took_s(request: Request) -> float:
    started_s = time.perf_counter()
    await request()
    return time.perf_counter() - started_s
