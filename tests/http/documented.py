"""Compares the problems that tests receive with the OpenAPI document."""

import re
from importlib.resources import files
from typing import NamedTuple

import httpx
import orjson

from shortener.http.problems import PROBLEM_JSON, TYPE_PREFIX

# Of hosts that only redirect.
ON_OTHER_HOSTS = {"not-found"}
# Types of the server itself, which the document describes once for all operations.
ANYWHERE = {
    "bad-request",
    "request-timeout",
    "content-too-large",
    "misdirected-request",
    "origin-refused",
    "head-too-large",
    "internal-error",
}
# Types of requests that belong to no operation. The document has neither unusual spellings of a code, as `//abc`, nor
# paths behind one, as `/abc/x`.
NOWHERE = {"not-found", "method-not-allowed", "link-not-found", "too-many-requests"}


class _Operation(NamedTuple):
    method: str
    path: re.Pattern[str]
    types: dict[int, list[str]]


# Read once.
_operations: list[_Operation] = []


def problem_types(operation: dict) -> dict[int, list[str]]:
    """The types that the document names for an operation, by status."""
    found = {}
    for status, answer in operation["responses"].items():
        if media := answer.get("content", {}).get(PROBLEM_JSON):
            names = media["schema"]["allOf"][1]["properties"]["type"]["enum"]
            found[int(status)] = [name.removeprefix(TYPE_PREFIX) for name in names]
    return found


def _read() -> list[_Operation]:
    document = orjson.loads((files("shortener.http") / "openapi.json").read_bytes())
    return [
        _Operation(method.upper(), re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), problem_types(operation))
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


async def check_documented(answer: httpx.Response) -> None:
    """Fails when the answer is a problem that the document does not name for its operation."""
    if answer.headers.get("content-type") != PROBLEM_JSON or answer.request.method == "HEAD":
        return
    if not _operations:
        _operations.extend(_read())
    type_ = orjson.loads(await answer.aread())["type"].removeprefix(TYPE_PREFIX)
    method, path = answer.request.method, answer.request.url.path
    found = [each for each in _operations if each.method == method and each.path.fullmatch(path)]
    known = set(found[0].types.get(answer.status_code, ())) if found else NOWHERE
    assert type_ in known | ANYWHERE | ON_OTHER_HOSTS, f"{method} {path} is not documented to answer {type_}"
