"""What commands print: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

# Wide enough for every row: what is not a terminal cuts nothing off.
_UNLIMITED = 100_000


def print_document(document: Any, as_json: bool, for_people: Callable[[Any], None]) -> None:
    """Print the result of a command: as it is for programs, else by `for_people`."""
    if as_json:
        print(json.dumps(document, indent=2, ensure_ascii=False))  # noqa: T201
    else:
        for_people(document)


def print_lines(lines: Iterable[object]) -> None:
    """For pipes: as they are."""
    for line in lines:
        print(line)  # noqa: T201


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], numbers: Iterable[str] = ()) -> None:
    """Columns of `numbers` are aligned at the right. Texts are shown as they are, without markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    print_people(table)


def print_members(members: Iterable[tuple[str, object]]) -> None:
    """A name and a value in each line. Those that are null, false or empty are left out."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for name, value in members:
        if value not in (None, False, "", [], {}):
            grid.add_row(name, Text(_cell(value)))
    print_people(grid)


def print_people(shown: "RenderableType") -> None:
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else _UNLIMITED).print(shown)


def moment(text: str | None) -> str:
    """A moment of a JSON document, to the minute."""
    return "" if text is None else text[:16].replace("T", " ")


def day(text: str | None) -> str:
    return "" if text is None else text[:10]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else str(value)
