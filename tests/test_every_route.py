"""Rules for every route in the document, including future ones."""

import base64
import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from shortener.clicks.event import new_batch
from shortener.misses.parts import MISS_STREAM, MISSES
from shortener.places.parts import LOCATOR
from shortener.processes.heartbeats import beat
from shortener.stores.parts import DATABASE, REDIS
from tests.accounts.conftest import *  # noqa: F403  (its fixtures)
from tests.accounts.conftest import PASSWORD, Account
from tests.clicks.make import click, rows_of, write
from tests.conftest import client_of, create_link, job_context
from tests.http.test_openapi import operations
from tests.links.test_api import assert_problem
from tests.serving import PATIENCE_S, serving
from workers.figures import count_groups
from workers.misses import store_misses

# Members that nobody may set for themselves, and unknown members.
EXTRA = {"is_admin": True, "user_id": 1, "id": 1, "created_at": "2020-01-01T00:00:00Z", "clicks": 10**6, "nobody": None}
SOME_ID = "01a1fe5f-45f3-7621-8f7f-e259d4b6f1bf"
PLACES = {"code": "abc", "report_id": "1", "user_id": "1", "ban_id": "1"}
PLACES |= {"tag": "red", "dimension": "referrers", "host": "go.example.com"}
PLACES |= dict.fromkeys(("key_id", "workspace_id", "member_id", "invitation_id", "comment_id", "session_id"), SOME_ID)
# No moment of a row, and no number of one.
WRONG = (None, True, [], {}, 1.5, 2**63, -(2**70), "", "\x00", "2026-01-01T00:00:00", "9999-12-31T23:59:59-23:00")


@pytest.fixture
async def document(client) -> dict[str, Any]:
    return (await client.get("/openapi.json")).json()


@pytest.fixture
async def admin(database, ada: Account) -> Account:
    """Ada, who may do everything, and a link for her to do it to."""
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE users SET is_admin = true")
    ada.client.headers.update(ada.headers)
    await create_link(ada.client, code="abc", tags=["red", "blue"], public_stats=True)
    return ada


def content_of(document: dict, operation: dict) -> Iterator[tuple[str, dict]]:
    """The kinds of body that an operation takes, each with its schema."""
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        # A link's password comes as a form of one field, and forms of browsers may have others.
        if "$ref" in media["schema"]:
            yield kind, document["components"]["schemas"][media["schema"]["$ref"].rpartition("/")[2]]


async def test_no_body_takes_a_member_that_it_does_not_know(admin, client, document, database):
    tried = 0
    key = (await admin.create_key("tokens:verify"))["key"]
    keyed = {"/api/v1/auth/verify": {"X-API-Key": key, "Authorization": "Basic x"}}
    for (method, path), operation in operations(document).items():
        for kind, schema in content_of(document, operation):
            assert schema["additionalProperties"] is False, (method, path)
            extra = {name: value for name, value in EXTRA.items() if name not in schema["properties"]}
            sent = {"json": extra} if kind == "application/json" else {"data": extra}
            answer = await client.request(method, path.format(**PLACES), headers=keyed.get(path), **sent)
            assert_problem(answer, 422, "invalid-request")
            refused = {error["field"] for error in answer.json()["errors"] if "Extra inputs" in error["message"]}
            assert refused == {f"/{name}" for name in extra}, (method, path)
            tried += 1
    assert tried >= 8


async def test_no_item_of_a_bulk_request_takes_a_member_that_it_does_not_know(admin, client):
    item = {"url": "https://example.com/", **EXTRA}
    answer = await client.post("/api/v1/links/bulk", json={"links": [item]})
    [result] = answer.json()["results"]
    assert result["status"] == 422
    assert {error["field"] for error in result["problem"]["errors"]} == {f"/links/0/{name}" for name in EXTRA}


def encoded(document: Any) -> str:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def forged_from(cursor: str) -> Iterator[tuple[str, str]]:
    """Manipulations of a cursor, each with a description."""
    sort, values, *rest = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    yield "nothing at all", ""
    yield "no Base64", "!!!"
    yield "no ASCII", "ü" + cursor
    yield "cut short", cursor[: len(cursor) // 2]
    yield "something behind it", cursor + "AAAA"
    yield "no JSON", encoded(b"\xff\xfe")
    yield "deep JSON", encoded(b"[" * 700)
    yield "an object", encoded({"sort": sort, "values": values})
    yield "another list", encoded(["x", values, *rest])
    yield "no values", encoded([sort, [], *rest])
    yield "one value less", encoded([sort, values[:-1], *rest])
    yield "one value more", encoded([sort, [*values, 1], *rest])
    if values != values[::-1]:
        yield "other types", encoded([sort, values[::-1], *rest])
    yield "no direction", encoded([sort, values, "x"])
    for n in range(len(values)):
        # Any text may stand for a name, but not for a moment.
        is_name = isinstance(values[n], str) and not re.match(r"\d{4}-", values[n])
        for wrong in WRONG:
            if is_name and isinstance(wrong, str) and "\x00" not in wrong:
                continue
            yield f"value {n} is {wrong!r}", encoded([sort, [*values[:n], wrong, *values[n + 1 :]], *rest])


async def post(client, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else {}


async def given_by(client, path: str) -> str:
    """A cursor that the list itself gives."""
    next_path = (await client.get(path, params={"limit": 1})).json()["next"]
    assert next_path, f"{path} has one page only"
    return next_path.partition("cursor=")[2].partition("&")[0]


async def miss(app, database, *paths: str) -> None:
    """Count requests for codes that do not exist."""
    async with client_of(app) as client:
        for path in paths:
            assert (await client.get(path)).status_code == 404
    await app.state.parts[MISSES].flush()
    parts = {DATABASE: database, MISS_STREAM: app.state.parts[MISS_STREAM], LOCATOR: app.state.parts[LOCATOR]}
    await store_misses(job_context(app.state.parts.settings, parts))


async def notified(database) -> None:
    """Two notifications of everybody."""
    async with database.driver_connection() as connection:
        await connection.execute(
            "INSERT INTO notifications (user_id, kind, key) "
            "SELECT id, 'clicks', n FROM users, generate_series(1, 2) AS n"
        )


async def test_a_cursor_that_was_tampered_with_is_refused_by_every_list(admin, app, client, document, database):
    await post(client, "/api/v1/domains", host=PLACES["host"])
    await post(client, f"/api/v1/admin/domains/{PLACES['host']}/verify")
    await create_link(client, code="abc", domain=PLACES["host"])
    for (link_id,) in await rows_of(database, "SELECT id FROM links WHERE code LIKE '%abc'"):
        await write(database, new_batch([click(link_id, referrer=f"https://{host}.example/") for host in "abc"]))
    parts = {DATABASE: database, REDIS: app.state.parts[REDIS]}
    await count_groups(job_context(app.state.parts.settings, parts))
    await create_link(client, code="def")
    await client.post("/api/v1/auth/token", data={"username": admin.email, "password": PASSWORD})
    space = await post(client, "/api/v1/workspaces", name="Marketing")
    for n in range(2):
        invited = {"email": f"bob{n}@example.com", "workspace": space["id"], "role": "viewer"}
        invitation = await post(client, "/api/v1/invitations", **invited)
        body = {"email": invited["email"], "password": PASSWORD, "invitation": invitation["token"]}
        await post(client, "/api/v1/auth/register", **body)
        await post(client, "/api/v1/invitations", **invited | {"email": f"eve{n}@example.com"})
        await post(client, "/api/v1/admin/bans", kind="host", value=f"evil{n}.example", reason="phishing")
    for code in ("abc", "def"):
        await post(client, "/api/v1/reports", code=code, reason="phishing")
        await post(client, f"/api/v1/links/{code}/comments", text="one")
    await post(client, "/api/v1/links/abc/comments", text="another")
    await notified(database)
    await miss(app, database, "/one", "/another")
    places = PLACES | {"workspace_id": space["id"]}
    lists = [
        path.format(**places)
        for (_, path), operation in operations(document).items()
        if any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ()))
    ]
    assert len(lists) >= 10
    for path in lists:
        for what, forged in forged_from(await given_by(client, path)):
            answer = await client.get(path, params={"cursor": forged})
            assert (path, what, answer.status_code) == (path, what, 400), answer.text
            assert_problem(answer, 400, "invalid-cursor")


def calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from calls(each)


def test_no_route_waits_for_a_thread(app):
    """As it would for each function that is not async, however short: a tenth of a millisecond each."""
    seen = 0
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            for call in calls(route.dependant):
                function = call if inspect.isfunction(call) else type(call).__call__
                assert inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function), call
                seen += 1
    assert seen > 100


async def test_whatever_is_read_outside_of_the_api_can_be_asked_for_with_head(admin, client, app, redis):
    paths = {route.path for route in iter_route_contexts(app.routes) if route.path and "GET" in (route.methods or ())}
    # Pages of the dashboard have a test of their own.
    pages = {path for path in paths if not path.startswith(("/api/", "/-/")) and path != "/"} | {"/static/docs.js"}
    assert pages >= {"/health/live", "/health/ready", "/docs", "/redoc", "/openapi.json"}
    for is_ready in (False, True):
        if is_ready:
            await beat(redis, "host-1")
        for path in sorted(pages):
            got, asked = await client.get(path.format(**PLACES)), await client.head(path.format(**PLACES))
            assert asked.status_code == got.status_code == (503 if "ready" in path and not is_ready else 200), path
            differing = {name for name in got.headers if got.headers[name] != asked.headers.get(name)}
            assert differing <= {"date"}, path


async def test_the_answer_to_head_has_no_body(settings):
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
            for path in ("/health/live", "/docs", "/openapi.json", "/health/ready"):
                answer = await client.head(path)
                assert answer.content == b""
                assert answer.status_code in {200, 503}
                assert int(answer.headers["content-length"]) > 0
                # On the same connection: nothing of a body was taken for the next answer.
                assert (await client.get("/health/live")).json() == {"status": "ok"}
