"""This machine's services instead of a server."""

import asyncio
import contextlib
import importlib
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from shortener.http.problems import invalid_request
from shortener.parts import Opener, Parts
from shortener.processes.command_line import command_parts
from shortener.settings import Settings
from shortener.terminal.operations import Call

if TYPE_CHECKING:
    from shortener.http.pagination import Page

Model = TypeVar("Model", bound=BaseModel)


class Local(contextlib.AbstractContextManager["Local"]):
    """Answers calls by the functions that `Operation.local` names. Connections stay open until the command
    ends."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._runner = asyncio.Runner()
        self._stack = contextlib.AsyncExitStack()
        self._parts: Parts | None = None
        self._openers: set[Opener] = set()

    def __enter__(self) -> Self:
        self._runner.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._runner.run(self._stack.aclose())
        finally:
            self._runner.close()

    def answer(self, call: Call) -> Any:
        """Raises ShortenerError, OperatorError, and what the database and Redis raise."""
        module, _, name = call.operation.local.partition(":")
        function: Callable[[Local, Call], Awaitable[Any]] = getattr(importlib.import_module(module), name)

        async def answered() -> Any:
            return await function(self, call)

        return self._runner.run(answered())

    async def parts(self, *openers: Opener) -> Parts:
        """The database, Redis, and the parts of these openers, in their order. Raises SettingsError."""
        if self._parts is None:
            self._parts = await self._stack.enter_async_context(command_parts(self.settings))
        for opener in openers:
            if opener not in self._openers:
                await self._stack.enter_async_context(opener(self._parts))
                self._openers.add(opener)
        return self._parts


def validated(model: type[Model], values: Any, place: str = "body") -> Model:
    """Members of a request, from its body or its query. Raises Unprocessable."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise invalid_request([{**fault, "loc": (place, *fault["loc"])} for fault in faults]) from None


def page_of(items: Iterable[BaseModel], page: "Page", **more: Any) -> dict[str, Any]:
    """A page as the API gives it, but for the path of the next one."""
    cursor = page.next_cursor
    return {
        "items": [item.model_dump(mode="json", by_alias=True) for item in items],
        "total": page.total,
        "next": None if cursor is None else f"?{urlencode({'cursor': cursor})}",
        **more,
    }
