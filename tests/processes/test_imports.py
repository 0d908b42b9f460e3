"""Processes import what they need, and nothing else: that is most of the time that a start takes."""

import subprocess
import sys

import pytest

SERVERS = {"fastapi", "uvicorn", "jinja2"}


@pytest.mark.parametrize(
    ("modules", "needed", "needless"),
    [
        ("shortener.cli", "typer", SERVERS | {"sqlalchemy", "redis", "pydantic"}),
        ("shortener.cli, shortener.operations.up", "asyncpg", SERVERS | {"sqlalchemy", "ua_parser"}),
        ("shortener.cli, shortener.links.commands, shortener.links.parts", "sqlalchemy", SERVERS | {"ua_parser"}),
        ("shortener.cli, shortener.operations.doctor", "asyncpg", SERVERS | {"sqlalchemy", "ua_parser"}),
    ],
    ids=["help", "supervisor", "command on links", "doctor"],
)
def test_a_process_does_not_import(modules: str, needed: str, needless: set[str]) -> None:
    code = f"import sys, {modules}; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert needed in imported
    assert needless & set(imported) == set()
