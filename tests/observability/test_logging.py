"""Logged errors contain no secret and forge no line. tests/e2e/test_logs.py tests the processes' logs."""

import io
import json
import logging
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import structlog

from shortener.observability.logging import configure_logging
from shortener.settings import load_settings

CANARY = " ".join(("a", "canary", "sings"))
FORGED = '{"event": "forged"}'
KEYS = [f"{prefix}{'x' * 43}" for prefix in ("shr_abcdef_", "shrr_", "shri_")]


class Log(NamedTuple):
    form: str
    stream: io.StringIO


@pytest.fixture(params=["console", "json"])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging(load_settings(log_format=request.param))
    found = Log(request.param, io.StringIO())
    root.handlers[0].setStream(found.stream)
    yield found
    root.handlers[:] = handlers
    root.setLevel(level)


def fail(password: str) -> None:
    held = f"{password} is held"
    raise ValueError(f"{len(held)} {KEYS}\n{FORGED}\r{FORGED}\u2028{FORGED}\x1b[31m")


def test_a_traceback_shows_where_and_neither_what_variables_hold_nor_secrets_nor_lines_of_others(log):
    try:
        fail(CANARY)
    except ValueError as error:
        structlog.get_logger("test").error("failed", path=f"/{KEYS[2]}", exc_info=error)
    said = log.stream.getvalue()
    assert "in fail" in said
    assert "ValueError" in said
    assert [secret for secret in (CANARY, *KEYS) if secret in said] == []
    lines = said.splitlines()
    assert [line for line in lines if line.startswith(FORGED)] == []
    assert "\x1b[31m\n" not in said
    if log.form == "json":
        assert [json.loads(line)["event"] for line in lines] == ["failed"]
