"""The documentation says what is true, and leaves nothing out."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer

import shortener
from shortener.cli import app
from shortener.errors import ShortenerError
from shortener.http.problems import TYPE_PREFIX
from shortener.settings import Settings, load_settings
from shortener.settings.source import variable
from shortener.settings.values import ByteRate, Rate, parse_byte_rate, parse_rate

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


def literal_default(name: str) -> str:
    """A setting's default as one would write it in the environment; empty where it is nothing, or depends."""
    field = Settings.model_fields[name]
    default = None if field.default_factory else field.default
    if name == "secret_key" or default is None or default in ("", ()):
        return ""
    if isinstance(default, Rate):
        unit = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}[default.window_s]
        if isinstance(default, ByteRate):
            assert parse_byte_rate(f"{default.quota // 10**6}MB/{unit}") == default
            return f"{default.quota // 10**6}MB/{unit}"
        assert parse_rate(f"{default.quota}/{unit}") == default
        return f"{default.quota}/{unit}"
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_the_readme_lists_each_setting_with_its_default_and_no_other() -> None:
    found = rows(ROOT / "README.md", r"`SHORTENER_\w+`")
    defaults = {row[0].strip("`"): row[1] for row in found}
    assert len(found) == len(defaults), "a setting is listed twice"
    assert set(defaults) == {variable(name) for name in Settings.model_fields}
    for name in Settings.model_fields:
        written, literal = defaults[variable(name)], literal_default(name)
        if literal:
            assert written == f"`{literal}`", variable(name)
        else:
            # Words, such as "one per core, at most 4": nothing that could be taken for a value.
            assert "`" not in written.replace("`shortener up`", ""), variable(name)
    assert all(row[2] for row in found), "a setting has no meaning"


def test_the_example_environment_has_each_setting_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    found = [line.lstrip("# ").split("=", 1) for line in lines if re.match(r"#? ?SHORTENER_\w+=", line)]
    assert found == [[variable(name), literal_default(name)] for name in Settings.model_fields]
    assert all(line.startswith("#") or not line for line in lines), "it must change nothing as it is"

    plain = load_settings()
    for name, value in found:
        monkeypatch.setenv(name, value)
    assert load_settings() == plain


@cache
def all_sources() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in (ROOT / "shortener").rglob("*.py")}


def error_classes() -> Iterator[type[ShortenerError]]:
    for module in pkgutil.walk_packages(shortener.__path__, "shortener."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    waiting: list[type[ShortenerError]] = [ShortenerError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        yield error


def names_in(node: ast.AST) -> set[str]:
    """What is called or raised by its plain name."""
    used = {n.func for n in ast.walk(node) if isinstance(n, ast.Call)}
    used |= {n.exc for n in ast.walk(node) if isinstance(n, ast.Raise)}
    return {n.id for n in used if isinstance(n, ast.Name)}


def problem_types() -> dict[str, int]:
    """Each type that an answer can have, with its status."""
    used = set().union(*map(names_in, all_sources().values()))
    types = {error.type: error.status for error in error_classes() if error.__name__ in used}
    written = {
        match[1] for path in all_sources() for match in re.finditer(r"\{TYPE_PREFIX\}([a-z-]+)", path.read_text())
    }
    return types | dict.fromkeys(written, 503) | OF_THE_FRAMEWORK


def test_each_problem_type_is_explained_with_its_status() -> None:
    document = ROOT / "docs/errors.md"
    assert f"`{TYPE_PREFIX}`" in document.read_text()
    listed = {row[0].strip("`"): int(row[1]) for row in rows(document, r"`[a-z-]+`")}
    assert listed == problem_types()


def anchors(document: Path) -> set[str]:
    titles = re.findall(r"(?m)^#+ (.+)$", document.read_text())
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@each_document
def test_each_link_to_a_file_or_heading_leads_somewhere(document: Path) -> None:
    text = re.sub(r"(?s)```.*?```", "", document.read_text())
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
    """What is set as code, in blocks and in lines."""
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
        known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
        assert set(re.findall(r"(?<![\w-])--?[a-z]+", rest)) <= known, f"shortener {name}{rest}"


@each_document
def test_each_setting_that_is_named_exists(document: Path) -> None:
    known = {variable(name) for name in Settings.model_fields}
    named = set(re.findall(r"SHORTENER_[A-Z_]*[A-Z]", document.read_text()))
    assert {name.removesuffix("_FILE") for name in named} <= known
