"""The documentation says what is true, and leaves nothing out."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from scripts import openapi_document
from scripts.write_docs import OPENAPI, PARTS, error_classes, every_subclass, rewritten
from shortener.cli import app
from shortener.errors import ShortenerError
from shortener.settings import Settings, load_settings
from shortener.settings.source import variable

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(p for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# What FastAPI itself raises, and what `shortener.errors` makes of it.
OF_THE_FRAMEWORK = {"bad-request": 400, "not-found": 404, "method-not-allowed": 405}

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def rows(document: Path, first_column: str) -> list[list[str]]:
    """The cells of table rows whose first cell matches."""
    lines = [line for line in document.read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in cells if re.fullmatch(first_column, row[0])]


@pytest.mark.parametrize(("document", "name", "write"), PARTS, ids=[document for document, *_ in PARTS])
def test_each_part_that_repeats_the_code_is_as_make_docs_writes_it(
    document: str, name: str, write: Callable[[], str]
) -> None:
    assert (ROOT / document).read_text() == rewritten(document, name, write), "run: make docs"


def test_the_openapi_document_is_as_make_docs_writes_it() -> None:
    assert OPENAPI.read_text() == openapi_document.document(), "run: make docs"


def test_the_example_environment_changes_nothing_as_it_is() -> None:
    assert all(line.startswith("#") or not line for line in (ROOT / ".env.example").read_text().splitlines())


def test_each_default_of_the_example_environment_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.findall(r"(?m)^#(SHORTENER_\w+)=(.*)$", (ROOT / ".env.example").read_text())
    assert [name for name, _ in found] == [variable(name) for name in Settings.model_fields]
    plain = load_settings()
    for name, value in found:
        monkeypatch.setenv(name, value)
    assert load_settings() == plain


def test_each_setting_has_a_meaning() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_each_error_says_when_it_occurs_and_no_two_share_a_type() -> None:
    errors = error_classes()
    assert all(error.explanation()[0] for error in errors)
    assert len({error.type for error in errors}) == len(errors)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", error.type) for error in errors)


def test_each_error_that_is_raised_has_a_type_of_its_status() -> None:
    types = {error.type: error.status for error in error_classes()}
    for error in every_subclass(ShortenerError):
        if not error.__subclasses__():
            assert types[error.type] == error.status, error


def test_the_framework_s_own_errors_are_documented() -> None:
    types = {error.type: error.status for error in error_classes()}
    assert types.items() >= OF_THE_FRAMEWORK.items()


def anchors(document: Path) -> set[str]:
    titles = re.findall(r"(?m)^#+ (.+)$", document.read_text())
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@each_document
def test_each_link_to_a_file_or_heading_leads_somewhere(document: Path) -> None:
    text = re.sub(r"(?s)```.*?```|`[^`\n]*]\([^`\n]*`", "", document.read_text())
    targets = re.findall(r"\]\(([^)\s]+)(?: \"[^\"]*\")?\)", text) + re.findall(r"(?:src|href)=\"([^\"]+)\"", text)
    for target in targets:
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        goal = (document.parent / path).resolve() if path else document
        assert goal.exists(), target
        assert goal.is_relative_to(ROOT), target
        if anchor:
            assert anchor in anchors(goal), target


def code(document: Path) -> str:
    """The code of a document, in blocks and in lines."""
    text = document.read_text()
    blocks = re.findall(r"(?s)```.*?```", text)
    return "\n".join(blocks + re.findall(r"`([^`\n]+)`", re.sub(r"(?s)```.*?```", "", text)))


def make_targets() -> set[str]:
    return set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))


@each_document
def test_each_make_target_that_is_named_exists(document: Path) -> None:
    named = re.findall(r"(?m)(?:^|[\s;&|])make ((?!PYTHON)[a-z]+)", code(document))
    assert set(named) <= make_targets()


@each_document
def test_each_command_that_is_named_exists_with_its_options(document: Path) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    # Where a command begins: the line, a path, after other commands, variables, or a service of Compose.
    begin = r"(?m)(?:^ *|bin/|(?:&&|\$|\w=\S+|exec \w+|run \w+) )"
    for name, rest in re.findall(begin + r"shortener ([a-z]+)\b([^\n#;|&)]*)", code(document)):
        assert name in commands, f"shortener {name}"
        command = commands[name]
        if subcommands := getattr(command, "commands", None):
            command = subcommands[rest.split()[0].strip("`")]
        options = (option for each in command.params for option in (*each.opts, *each.secondary_opts))
        named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", rest))
        assert named <= {*options, "--help", "-h"}, f"shortener {name}{rest}"


@each_document
def test_each_setting_that_is_named_exists(document: Path) -> None:
    known = {variable(name) for name in Settings.model_fields}
    named = set(re.findall(r"SHORTENER_[A-Z_]*[A-Z]", document.read_text()))
    assert {name.removesuffix("_FILE") for name in named} <= known
