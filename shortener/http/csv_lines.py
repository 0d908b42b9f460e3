"""Lines of CSV that spreadsheets show as text."""

import csv
import io
from collections.abc import Iterable
from typing import Any

CSV = "text/csv; charset=utf-8"
# Spreadsheets take these for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_line(values: Iterable[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([_harmless(value) for value in values])
    return buffer.getvalue()


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula is quoted."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
