"""Each operation of commands is one of the API's, and can be done without a server."""

import importlib
import inspect
import re
from collections.abc import Iterator

import pytest

from shortener.terminal.operations import Operation
from tests.test_lists import public


def operations() -> Iterator[Operation]:
    yield from public(lambda thing: isinstance(thing, Operation), "operations")


def shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


@pytest.mark.parametrize("operation", list(operations()), ids=lambda operation: operation.local)
def test_the_api_has_the_operation_and_this_machine_does_it(app, operation):
    paths = {shape(path): methods for path, methods in app.openapi()["paths"].items()}
    assert operation.method.lower() in paths[shape(f"/api/v1{operation.path}")]
    module, _, name = operation.local.partition(":")
    function = getattr(importlib.import_module(module), name)
    assert list(inspect.signature(function).parameters) == ["local", "call"]
