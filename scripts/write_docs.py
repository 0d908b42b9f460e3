"""Writes the OpenAPI document, and the parts of other documents that repeat the code, between the lines
`make docs: <name>` and `make docs: end`."""

import importlib
import pkgutil
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

import shortener
from scripts import openapi_document
from shortener.errors import ShortenerError
from shortener.settings import Settings
from shortener.settings.source import Section, variable

ROOT = Path(__file__).parents[1]
_WIDTH = 120
_PART = r"(?ms)(^[^\n]*make docs: {name}\b[^\n]*\n).*?(^[^\n]*make docs: end\b)"


def table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table. An empty cell shows a dash."""
    return "\n".join([_row(head), "|" + "---|" * len(head), *map(_row, rows)])


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") or "–" for cell in cells) + " |"


def default_of(field: FieldInfo) -> str:
    """A default as the environment would have it; empty where there is none, or where the machine decides."""
    value: Any = None if field.default_factory else field.default
    if isinstance(value, SecretStr) or value in (None, "", ()):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def sections() -> list[type[Section]]:
    return [base for base in reversed(Settings.__bases__) if issubclass(base, Section)]


def settings_tables() -> str:
    return "\n\n".join(f"## {section.__doc__}\n\n{_settings_table(section)}" for section in sections())


def _settings_table(section: type[Section]) -> str:
    rows = (
        (_as_code(variable(name)), _as_code(default_of(field)), _linked(field.description or "", "docs/"))
        for name, field in section.model_fields.items()
    )
    return table(("Variable", "Default", "Meaning"), rows)


def _as_code(text: str) -> str:
    return text and f"`{text}`"


def _linked(text: str, folder: str = "") -> str:
    """The text, in which each document becomes a link from this folder."""
    return re.sub(r"docs/(\w+)\.md(#[\w-]+)?", lambda m: f"[{m[1]}]({m[0].removeprefix(folder)})", text)


def settings_example() -> str:
    """Each setting with its default, and all of it commented out."""
    return "\n\n".join("\n".join(_section(section)) for section in sections())


def _section(section: type[Section]) -> Iterator[str]:
    yield f"## {section.__doc__}"
    for name, field in section.model_fields.items():
        plain = (field.description or "").replace("`", "")
        yield from textwrap.wrap(plain, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
        yield f"#{variable(name)}={default_of(field)}"


def error_classes() -> list[type[ShortenerError]]:
    """Every error that has a type of its own, by status."""
    for module in pkgutil.walk_packages(shortener.__path__, "shortener."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return sorted(filter(_has_type, every_subclass(ShortenerError)), key=lambda error: (error.status, error.type))


def every_subclass(kind: type[ShortenerError]) -> Iterator[type[ShortenerError]]:
    for error in kind.__subclasses__():
        yield error
        yield from every_subclass(error)


def _has_type(error: type[ShortenerError]) -> bool:
    return "type" in vars(error)


def errors_table() -> str:
    rows = (
        (f"`{error.type}`", str(error.status), *(_linked(text, "docs/") for text in error.explanation()))
        for error in error_classes()
    )
    return table(("Type", "Status", "When", "What to do"), rows)


def decisions_table() -> str:
    """Each record with its title and its status, both as it states them."""
    records = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    return table(("Decision", "Status"), (_decision(record) for record in records))


def _decision(record: Path) -> tuple[str, str]:
    title, _, status = record.read_text().splitlines()[:3]
    return f"[{title.removeprefix('# ')}]({record.name})", status.partition(" · ")[2]


# Document, name of the part, and what writes it.
PARTS: list[tuple[str, str, Callable[[], str]]] = [
    ("docs/settings.md", "settings", settings_tables),
    (".env.example", "settings", settings_example),
    ("docs/errors.md", "errors", errors_table),
    ("docs/adr/README.md", "decisions", decisions_table),
]


def rewritten(document: str, name: str, write: Callable[[], str]) -> str:
    """The document with this part as the code has it. Raises ValueError where its markers are missing."""
    text, count = re.subn(
        _PART.format(name=name), lambda m: f"{m[1]}{write()}\n{m[2]}", (ROOT / document).read_text(), count=1
    )
    if not count:
        raise ValueError(f"{document} has no part between 'make docs: {name}' and 'make docs: end'")
    return text


OPENAPI = ROOT / "shortener/http/openapi.json"

if __name__ == "__main__":
    OPENAPI.write_text(openapi_document.document())
    for document, name, write in PARTS:
        (ROOT / document).write_text(rewritten(document, name, write))
