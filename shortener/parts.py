"""Typed names for what a process has open: the same for web processes, workers and commands."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Generic, TypeVar

from starlette.requests import HTTPConnection, Request

from shortener.settings import Settings

T = TypeVar("T")


class Part(Generic[T]):
    """The name of something that a process has open, such as `LINKS = Part[LinkService]("links")`.

    `parts[LINKS]` is that thing. A route gets it by `Annotated[LinkService, Depends(LINKS)]`.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    # A coroutine: FastAPI calls plain functions in a thread.
    async def __call__(self, request: Request) -> T:
        return parts_of(request)[self]


class PartNotOpen(LookupError):
    """The process has no such part: its opener is missing from the list of the process, or comes later in it."""


class Parts:
    """What one process has open, by its names, and the settings that it was opened with."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._open: dict[Part[Any], Any] = {}

    def __getitem__(self, part: Part[T]) -> T:
        """Raises PartNotOpen."""
        try:
            found: T = self._open[part]
        except KeyError:
            raise PartNotOpen(part.name) from None
        return found

    def __setitem__(self, part: Part[T], opened: T) -> None:
        self._open[part] = opened

    def get(self, part: Part[T]) -> T | None:
        """None while the part is not open."""
        return self._open.get(part)


# Sets one part or several, which may use the parts that were opened before, and closes them after its `yield`.
Opener = Callable[[Parts], contextlib.AbstractAsyncContextManager[None]]


@contextlib.asynccontextmanager
async def opened(parts: Parts, openers: Iterable[Opener]) -> AsyncIterator[Parts]:
    """Open these in order, and close them in reverse. Each is closed even if closing another fails, or opening one."""
    async with contextlib.AsyncExitStack() as stack:
        for opener in openers:
            await stack.enter_async_context(opener(parts))
        yield parts


def parts_of(request: HTTPConnection) -> Parts:
    """The parts of the process that answers this request."""
    parts: Parts = request.app.state.parts
    return parts
