"""Lists of links as people have them: one URL per line, or a table with columns. Pure."""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shortener.http.csv_lines import FORMULA
from shortener.links.codes import CUSTOM_CODE

COLUMNS = ("url", "code", "title", "expires_at", "tags", "note")
# What other services call them in the files that they give.
_NAMES = {
    "url": "url long_url longurl destination target original_url",
    "code": "code slug short_code shortcode keyword custom custom_code",
    "title": "title name",
    "expires_at": "expires_at expires expiry valid_until",
    "tags": "tags tag",
    "note": "note description",
}
_COLUMN_OF = {name: column for column, names in _NAMES.items() for name in names.split()} | {"long url": "url"}
# In the order in which they are tried.
SEPARATORS = {"tab": "\t", "semicolon": ";", "comma": ","}
NO_SEPARATOR = "none"
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


class WrongEncoding(ValueError):
    """The bytes cannot be decoded as UTF-8 or UTF-16."""


class Sheet(NamedTuple):
    """`separator` is a name; `ignored` are columns that mean nothing here."""

    separator: str
    has_header: bool
    columns: Sequence[str | None]
    ignored: list[str]
    rows: Iterator[dict[str, str]]


def decoded(content: bytes) -> str:
    """Raises WrongEncoding."""
    encoding = next((name for bom, name in _BOMS.items() if content.startswith(bom)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise WrongEncoding from None
    if "\x00" in text:
        raise WrongEncoding
    return text


def read_sheet(text: str, separator: str | None = None) -> Sheet:
    """The list, whose rows are read as they are asked for. Empty lines are left out."""
    lines = [line for line in text.splitlines() if line.strip()]
    name = separator if separator in (*SEPARATORS, NO_SEPARATOR) else _separator_of(lines[:50])
    rows = _cells(lines, SEPARATORS.get(name))
    if _is_header(first := next(_cells(lines[:1], SEPARATORS.get(name)), [])):
        next(rows)
        columns = [_column(cell) for cell in first]
        ignored = [cell.strip() for cell in first if _column(cell) is None and cell.strip()]
        return Sheet(name, True, columns, ignored, (_row(cells, columns) for cells in rows))
    known = COLUMNS[: max(len(first), 1)]
    return Sheet(name, False, known, [], (_row(cells, known) for cells in rows))


def _cells(lines: Sequence[str], delimiter: str | None) -> Iterator[list[str]]:
    if delimiter is None:
        return ([line] for line in lines)
    # A quote that never ends takes the rest of the text as one cell, which is refused as no URL.
    return (cells for cells in csv.reader((f"{line}\n" for line in lines), delimiter=delimiter) if any(cells))


def _separator_of(lines: Sequence[str]) -> str:
    """The separator that the lines agree on. URLs may hold any of them: without a header the second cells must
    look like codes."""
    for name, delimiter in SEPARATORS.items():
        rows = list(_safely(lines, delimiter))
        if not rows or len(rows[0]) < 2:
            continue
        if _is_header(rows[0]):
            return name
        seconds = [row[1].strip() if len(row) > 1 else "" for row in rows]
        if any(seconds) and all(not cell or CUSTOM_CODE.fullmatch(cell) for cell in seconds):
            return name
    return NO_SEPARATOR


def _safely(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    """The rows up to one that cannot be read."""
    try:
        yield from _cells(lines, delimiter)
    except csv.Error:
        return


def _is_header(cells: Sequence[str]) -> bool:
    return "url" in map(_column, cells)


def _column(cell: str) -> str | None:
    return _COLUMN_OF.get(cell.strip().strip('"').lower())


def _row(cells: Sequence[str], columns: Sequence[str | None]) -> dict[str, str]:
    values = {name: _plain(cell) for name, cell in zip(columns, cells, strict=False) if name is not None}
    return {name: value for name, value in values.items() if value}


def _plain(cell: str) -> str:
    """Without the quote that keeps a spreadsheet from running the text."""
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def tags_of(cell: str) -> list[str]:
    return [tag for tag in (part.strip() for part in re.split(r"[,;|]", cell)) if tag]
