"""Requests take turns on the event loop."""

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest
from starlette.types import Receive, Scope, Send

from shortener.event_loop.turns import TURN_S, Turns
from shortener.parts import Parts
from shortener.redirect.middleware import RedirectRouter
from shortener.redirect.parts import REDIRECT

CLIENTS, STEPS = 4, 5


def burn() -> None:
    """Hold the event loop for longer than a turn."""
    ends_at_s = time.perf_counter() + 2 * TURN_S
    while time.perf_counter() < ends_at_s:
        pass


async def most_steps_in_a_turn(request: Callable[[Callable[[], None]], Awaitable[None]]) -> int:
    """The most steps between two turns of the loop, while as many requests as CLIENTS are answered together."""
    loop, steps, turns = asyncio.get_running_loop(), 0, [0]

    def turn() -> None:
        nonlocal ticking, steps
        turns.append(steps)
        steps = 0
        ticking = loop.call_soon(turn)

    def step() -> None:
        nonlocal steps
        steps += 1
        burn()

    ticking = loop.call_soon(turn)
    await asyncio.gather(*(request(step) for _ in range(CLIENTS)))
    ticking.cancel()
    assert sum(turns) + steps == CLIENTS * STEPS
    return max(*turns, steps)


async def answer(step: Callable[[], None]) -> None:
    for _ in range(STEPS):
        step()
        await asyncio.sleep(0)


async def test_the_loop_looks_after_redirects_between_the_steps_of_two_requests():
    turns = Turns()
    assert await most_steps_in_a_turn(lambda step: turns.run(answer(step))) == 1
    # The measurement would see it otherwise.
    assert await most_steps_in_a_turn(answer) == CLIENTS


async def test_what_is_not_a_redirect_takes_turns(settings):
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(scope["step"])

    parts = Parts(settings)
    parts[REDIRECT] = SimpleNamespace(is_answering=False)  # type: ignore[assignment]
    router = RedirectRouter(app, parts)

    async def request(step: Callable[[], None]) -> None:
        await router({"type": "websocket", "step": step}, None, None)  # type: ignore[arg-type]

    assert await most_steps_in_a_turn(request) == 1


@pytest.mark.parametrize("is_urgent", [True, False])
async def test_urgent_work_gets_as_much_time_as_the_steps_before(is_urgent):
    turns, waited_s = Turns(lambda: is_urgent), []

    async def request() -> None:
        for _ in range(STEPS):
            burn()
            ended_at_s = time.perf_counter()
            await asyncio.sleep(0)
            waited_s.append(time.perf_counter() - ended_at_s)

    await turns.run(request())
    assert (min(waited_s) >= 2 * TURN_S) is is_urgent


async def test_quick_steps_share_a_turn():
    turns, seen = Turns(), []

    async def quick(name: int) -> None:
        seen.append(name)

    await asyncio.gather(*(turns.run(quick(n)) for n in range(10)))
    loop = asyncio.get_running_loop()
    loop.call_soon(seen.append, "next turn")
    await asyncio.gather(*(turns.run(quick(n)) for n in range(10)), asyncio.sleep(0))
    assert seen[:10] == list(range(10))
    assert set(seen[10:21]) == {*range(10), "next turn"}


async def test_work_in_turns_is_awaited_as_usual():
    turns, variable = Turns(), contextvars.ContextVar("variable", default="")

    async def work(fails: bool) -> str:
        variable.set("set in the caller's task")
        async with asyncio.timeout(5):
            await asyncio.sleep(0.001)
        if fails:
            raise ValueError("as it is")
        return await asyncio.to_thread(str, 1)

    assert await turns.run(work(fails=False)) == "1"
    assert variable.get() == "set in the caller's task"
    with pytest.raises(ValueError, match="as it is"):
        await turns.run(work(fails=True))


async def test_the_start_of_the_app_takes_no_turns(settings):
    """The redirect is not open yet, and nobody follows links."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(burn)

    await RedirectRouter(app, Parts(settings))({"type": "lifespan"}, None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("waits_for", ["its turn", "a future"])
async def test_work_in_turns_learns_that_it_is_cancelled(waits_for):
    turns, ended = Turns(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(0 if waits_for == "its turn" else 60)
            await asyncio.sleep(60)
        finally:
            ended.set()

    task = asyncio.create_task(turns.run(work()))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    turns.used(60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_a_deadline_holds_for_work_that_waits_for_its_turn():
    turns = Turns()

    async def busy() -> None:
        while True:
            burn()
            await asyncio.sleep(0)

    others = [asyncio.create_task(turns.run(busy())) for _ in range(CLIENTS)]  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await turns.run(busy())
    for other in others:
        other.cancel()
    await asyncio.wait(others)
