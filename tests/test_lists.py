"""The lists of openers, routers, jobs, commands and settings name everything that the folders hold."""

import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

import pytest
import typer
from fastapi import APIRouter

import shortener
import workers
from shortener import cli, main
from shortener.links import commands
from shortener.settings import Settings
from shortener.settings.source import Section
from workers import main as worker


@cache
def modules() -> list[ModuleType]:
    found = [
        info.name
        for package in (shortener, workers)
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not info.name.endswith("__main__")
    ]
    return [importlib.import_module(name) for name in found]


def public(wanted: Callable[[Any], bool], *files: str) -> Iterator[Any]:
    """Public objects of these modules, such as `parts`; without any, of all modules."""
    for module in modules():
        if not files or module.__name__.rpartition(".")[2] in files:
            yield from (thing for name, thing in vars(module).items() if not name.startswith("_") and wanted(thing))


def is_opener(thing: Any) -> bool:
    return (
        inspect.isfunction(thing)
        and thing.__name__.startswith("open_")
        and thing.__module__.rpartition(".")[2] == "parts"
    )


def is_job(thing: Any) -> bool:
    return (
        inspect.iscoroutinefunction(thing)
        and list(inspect.signature(thing).parameters) == ["ctx"]
        and thing.__module__ not in ("workers.main", "workers.alone")
    )


def is_section(thing: Any) -> bool:
    return inspect.isclass(thing) and issubclass(thing, Section) and thing not in (Section, Settings)


PLUGS: dict[str, tuple[Iterable[Any], Iterable[Any]]] = {
    "PARTS": ({*main.PARTS, *worker.PARTS, *commands.PARTS}, public(is_opener, "parts")),
    "ROUTERS": (
        (*main.API_ROUTERS, *main.ROUTERS, *main.PAGES, *main.HOME),
        public(lambda thing: isinstance(thing, APIRouter)),
    ),
    "COMMANDS": (
        (*cli.COMMANDS, *cli.COMMANDS_OF_LINKS),
        public(lambda thing: isinstance(thing, typer.Typer) and thing is not cli.app, "cli"),
    ),
    "SCHEDULE": ([inspect.unwrap(job.coroutine) for job in worker.SCHEDULE], public(is_job)),
    "bases of Settings": ([base for base in Settings.__bases__ if is_section(base)], public(is_section)),
}


@pytest.mark.parametrize("name", PLUGS)
def test_every_plug_is_in_its_list(name):
    listed, held = PLUGS[name]
    listed, held = list(listed), {id(thing): thing for thing in held}
    assert held, "No folder has any."
    missing = [thing for key, thing in held.items() if key not in map(id, listed)]
    assert missing == [], f"Not in {name}"
    assert [thing for thing in listed if id(thing) not in held] == [], f"In {name}, but in no folder"


@pytest.mark.parametrize(
    "listed",
    [main.PARTS, worker.PARTS, (*main.API_ROUTERS, *main.ROUTERS, *main.PAGES), cli.COMMANDS, worker.SCHEDULE],
    ids=["PARTS of main", "PARTS of the worker", "ROUTERS", "COMMANDS", "SCHEDULE"],
)
def test_no_list_names_anything_twice(listed):
    things = [inspect.unwrap(getattr(thing, "coroutine", thing)) for thing in listed]
    assert max(Counter(map(id, things)).values()) == 1
