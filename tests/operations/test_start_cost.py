"""A command imports only what it needs: imports are most of a command's time."""

import re

import pytest

from shortener.settings.source import variable
from tests.commands import run_apart

# For the web process, the worker, and the tests.
SERVERS = {"fastapi", "uvicorn", "arq", "alembic", "httptools", "httpx", "fastapi_limiter", "authlib", "joserfc"}
# For commands that do something. pydantic is not among them: Typer imports it to read arguments.
STORES = {"sqlalchemy", "asyncpg", "redis", "pydantic_settings", "msgspec", "structlog", "prometheus_client"}
STORES |= {"starlette", "pwdlib", "argon2", "cryptography", "ua_parser", "maxminddb", "publicsuffixlist"}


@pytest.fixture
def imported_by(settings, tmp_path):
    """The packages that a command imports."""
    variables = {"data_dir": str(tmp_path), "database_url": settings.database_url, "redis_url": settings.redis_url}
    environment = {variable(name): value for name, value in variables.items()} | {"PYTHONPROFILEIMPORTTIME": "1"}

    def packages(*arguments: str) -> set[str]:
        said = run_apart(arguments, "", environment)
        return set(re.findall(r"^import time: .*\| +(\w+)", said.err, re.MULTILINE))

    return packages


@pytest.mark.parametrize("arguments", ["--help", "shorten --help", "ban add --help", "key create --help", "up --help"])
def test_help_imports_neither_servers_nor_stores(imported_by, arguments):
    imported = imported_by(*arguments.split())
    assert {"typer", "shortener"} <= imported
    assert imported & (SERVERS | STORES) == set()


@pytest.mark.parametrize("arguments", ["shorten https://example.com/", "doctor"])
def test_a_command_on_stores_imports_no_servers(imported_by, arguments):
    imported = imported_by(*arguments.split())
    assert {"sqlalchemy", "redis"} <= imported
    assert imported & SERVERS == set()
