"""Who may do what: each route of the document for each kind of person. A route that has no row fails."""

import re
import time
import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import func, insert
from starlette.routing import WebSocketRoute

from shortener.access.actors import ACTOR_KEY, COMMAND_LINE
from shortener.access.models import Member, Session, Workspace
from shortener.access.principals import Principal
from shortener.access.routes import ApiRoute, LoginRoute
from shortener.access.scopes import Scope, scopes_of_user
from shortener.access.tokens import ACCESS_LIFETIME_S, hash_secret, new_invitation_token
from shortener.accounts.parts import ACCOUNTS, KEYS
from shortener.accounts.users import insert_user
from shortener.domains.models import Domain
from shortener.hashing import passwords
from shortener.http.openapi import DocumentedRoute
from shortener.links.models import Link
from shortener.processes.heartbeats import KEY as HEARTBEAT
from shortener.stores.parts import DATABASE
from shortener.workspaces.models import Invitation
from tests.access.test_routes import assert_challenged
from tests.accounts.conftest import PASSWORD, bearer
from tests.conftest import client_of

PEOPLE = ("owner", "editor", "viewer", "other", "admin", "wrong_scope", "anonymous", "revoked", "expired")
# Whose role in the workspace is which. Those whose credential is bad are owners: nothing else keeps them out.
ROLES = {"editor": "editor", "viewer": "viewer"} | dict.fromkeys(
    ("owner", "wrong_scope", "revoked", "expired"), "owner"
)
BY_KEY = {"wrong_scope", "revoked"}


class Row(NamedTuple):
    """The statuses of a request's answers by person. `scope` is the one that the key of `wrong_scope` lacks. `path`,
    `query` and `body` contain names of `World` in braces."""

    method: str
    path: str
    body: dict[str, Any]
    scope: Scope | None
    statuses: dict[str, int]
    query: str = ""


def row(
    method: str,
    path: str,
    owner: int,
    editor: int,
    viewer: int,
    other: int,
    *,
    admin: int | None = None,
    wrong_scope: int = 403,
    body: dict[str, Any] | None = None,
    scope: Scope | None = None,
    query: str = "",
) -> Row:
    """For a route that needs a credential. An admin who is not a member is treated like anybody else, unless stated."""
    statuses = {"owner": owner, "editor": editor, "viewer": viewer, "other": other, "wrong_scope": wrong_scope}
    statuses |= {"admin": other if admin is None else admin, "anonymous": 401, "revoked": 401, "expired": 401}
    return Row(method, f"/api/v1{path}", body or {}, scope, statuses, query)


def mine(method: str, path: str, status: int, *, wrong_scope: int = 403, body: dict[str, Any] | None = None) -> Row:
    """Of a route about who asks."""
    return row(method, path, status, status, status, status, wrong_scope=wrong_scope, body=body)


def for_admins(method: str, path: str, status: int, *, body: dict[str, Any] | None = None, query: str = "") -> Row:
    return row(method, f"/admin{path}", 403, 403, 403, 403, admin=status, body=body, query=query)


def public(method: str, path: str, status: int, *, body: dict[str, Any] | None = None, query: str = "") -> Row:
    """Of a route that looks at no credential."""
    return Row(method, path, body or {}, None, dict.fromkeys(PEOPLE, status), query)


URL = "https://example.com/"
READ, WRITE, STATS = Scope.LINKS_READ, Scope.LINKS_WRITE, Scope.STATS_READ
LINK, SPACE, MEMBER = "/links/{code}", "/workspaces/{workspace_id}", "/workspaces/{workspace_id}/members/{member_id}"
NOTIFICATIONS = "/me/notifications"
DOMAIN, OPEN = "/domains/{host}", "/api/v1/domains/allowed"
IN_SPACE, OF_SPACE = {"workspace": "{workspace_id}"}, "workspace={workspace_id}"

ROWS = [
    row("POST", "/links", 201, 201, 403, 404, scope=WRITE, body={"url": URL} | IN_SPACE),
    row("POST", "/links/bulk", 200, 200, 403, 404, scope=WRITE, body={"links": [{"url": URL}]} | IN_SPACE),
    row("GET", "/links", 200, 200, 200, 404, scope=READ, query=OF_SPACE),
    row("GET", LINK, 200, 200, 200, 404, scope=READ),
    row("PATCH", LINK, 200, 200, 403, 404, scope=WRITE, body={"title": "New"}),
    row("PUT", LINK, 200, 200, 403, 409, scope=WRITE, body={"url": URL}),
    row("DELETE", LINK, 204, 204, 403, 404, scope=WRITE),
    row("POST", f"{LINK}/restore", 404, 404, 404, 404, scope=WRITE),
    row("GET", f"{LINK}/aliases", 200, 200, 200, 404, scope=READ),
    row("POST", f"{LINK}/aliases", 201, 201, 403, 404, scope=WRITE, body={"code": "{code}-alias"}),
    row("DELETE", f"{LINK}/aliases/{{alias}}", 404, 404, 403, 404, scope=WRITE),
    row("POST", f"{LINK}/rules/test", 200, 200, 200, 404, scope=READ, body={}),
    row("GET", f"{LINK}/comments", 200, 200, 200, 404, scope=READ),
    row("POST", f"{LINK}/comments", 201, 201, 201, 404, scope=WRITE, body={"text": "Hello"}),
    row("PUT", f"{LINK}/comments-read", 404, 404, 404, 404, scope=WRITE, body={"until": "{comment_id}"}),
    row("PATCH", f"{LINK}/comments/{{comment_id}}", 404, 404, 404, 404, scope=WRITE, body={"text": "Hello"}),
    row("DELETE", f"{LINK}/comments/{{comment_id}}", 404, 404, 404, 404, scope=WRITE),
    row("GET", f"{LINK}/qr", 200, 200, 200, 404, scope=READ),
    row("GET", f"{LINK}/stats", 200, 200, 200, 404, scope=STATS),
    row("GET", f"{LINK}/stats/{{dimension}}", 200, 200, 200, 404, scope=STATS),
    row("GET", f"{LINK}/clicks", 200, 200, 200, 404, scope=STATS),
    row("PATCH", "/links/bulk", 200, 200, 403, 404, scope=WRITE, body={"filter": {}} | IN_SPACE),
    row("DELETE", "/links/bulk", 200, 200, 403, 404, scope=WRITE, body={"filter": {}} | IN_SPACE),
    row("GET", "/links/exists", 200, 200, 200, 200, scope=READ, query="code=abc"),
    row("GET", "/tags", 200, 200, 200, 404, scope=READ, query=OF_SPACE),
    row("GET", "/tags/{tag}/stats", 404, 404, 404, 404, scope=STATS, query=OF_SPACE),
    row("GET", "/tags/{tag}/stats/{dimension}", 404, 404, 404, 404, scope=STATS, query=OF_SPACE),
    row("PATCH", "/tags/{tag}", 404, 404, 403, 404, scope=WRITE, body={}, query=OF_SPACE),
    row("POST", "/tags/{tag}/merge", 404, 404, 403, 404, scope=WRITE, body={"into": "other"}, query=OF_SPACE),
    row("DELETE", "/tags/{tag}", 404, 404, 403, 404, scope=WRITE, query=OF_SPACE),
    row("GET", "/stats", 200, 200, 200, 404, scope=STATS, query="workspace={workspace_id}"),
    row("GET", "/stats/{dimension}", 200, 200, 200, 404, scope=STATS, query="workspace={workspace_id}"),
    mine("POST", "/workspaces", 201, body={"name": "New"}),
    mine("GET", "/workspaces", 200, wrong_scope=200),
    row("GET", SPACE, 200, 200, 200, 404, wrong_scope=200),
    row("PATCH", SPACE, 200, 403, 403, 404, body={"name": "New"}),
    row("DELETE", SPACE, 204, 403, 403, 404),
    row("GET", f"{SPACE}/members", 200, 200, 200, 404),
    row("PATCH", MEMBER, 200, 403, 403, 404, body={"role": "editor"}),
    row("DELETE", MEMBER, 204, 403, 403, 404),
    row("PUT", f"{SPACE}/logo", 422, 403, 403, 404),
    row("GET", f"{SPACE}/logo", 404, 404, 404, 404, wrong_scope=404),
    row("DELETE", f"{SPACE}/logo", 404, 403, 403, 404),
    row("GET", "/domains", 200, 200, 200, 404, query=OF_SPACE, wrong_scope=200),
    row("POST", "/domains", 201, 403, 403, 404, body={"host": "new.example.com"} | IN_SPACE),
    row("GET", DOMAIN, 200, 200, 200, 404, wrong_scope=200),
    row("POST", f"{DOMAIN}/verify", 200, 403, 403, 404),
    row("PATCH", DOMAIN, 200, 403, 403, 404, body={"is_default": True}),
    row("DELETE", DOMAIN, 204, 403, 403, 404),
    row("GET", f"{DOMAIN}/stats", 200, 200, 200, 404, scope=STATS),
    row("GET", f"{DOMAIN}/stats/{{dimension}}", 200, 200, 200, 404, scope=STATS),
    row("POST", "/invitations", 201, 403, 403, 404, body={"email": "new@example.com", "role": "viewer"} | IN_SPACE),
    mine("GET", "/invitations", 200),
    row("DELETE", "/invitations/{invitation_id}", 204, 404, 404, 404),
    row("POST", "/invitations/preview", 200, 200, 200, 200, body={"token": "{token}"}),
    row("POST", "/invitations/accept", 409, 409, 409, 200, body={"token": "{token}"}),
    mine("GET", "/me", 200, wrong_scope=200),
    row("GET", "/live", 200, 200, 200, 404, scope=READ, query="channel=workspace:{workspace_id}&follow=false"),
    row("POST", "/live/tickets", 201, 201, 201, 201, scope=READ),
    row("GET", NOTIFICATIONS, 200, 200, 200, 200, scope=READ),
    row("PATCH", NOTIFICATIONS, 200, 200, 200, 200, scope=WRITE, body={"read": True}),
    row("GET", f"{NOTIFICATIONS}/settings", 200, 200, 200, 200, scope=READ),
    row("PATCH", f"{NOTIFICATIONS}/settings", 200, 200, 200, 200, scope=WRITE, body={"clicks": False}),
    mine("POST", "/me/password", 204, body={"current_password": PASSWORD, "new_password": "a green whale cycles"}),
    mine("GET", "/me/sessions", 200),
    mine("DELETE", "/me/sessions", 200),
    mine("DELETE", "/me/sessions/{session_id}", 404),
    mine("GET", "/me/preferences", 200, wrong_scope=200),
    mine("PATCH", "/me/preferences", 200, body={"theme": "dark"}),
    row("POST", "/me/delete", 409, 204, 204, 204, body={"password": PASSWORD}),
    mine("POST", "/auth/logout", 204),
    row("POST", "/auth/verify", 403, 403, 403, 403, scope=Scope.TOKENS_VERIFY, body={"token": "x"}),
    mine("POST", "/keys", 201, body={"name": "CI", "scopes": ["links:read"]}),
    mine("GET", "/keys", 200),
    row("DELETE", "/keys/{key_id}", 204, 404, 404, 404),
    public("POST", "/api/v1/auth/register", 201, body={"email": "{code}@example.com", "password": PASSWORD}),
    public("POST", "/api/v1/auth/token", 401, body={"username": "new@example.com", "password": PASSWORD}),
    public("POST", "/api/v1/auth/refresh", 401, body={"refresh_token": "x"}),
    public("GET", "/api/v1/auth/oidc/login", 404),
    public("GET", "/api/v1/auth/oidc/callback", 404, query="code=x&state=x"),
    public("POST", "/api/v1/reports", 202, body={"code": "{code}", "reason": "phishing"}),
    public("GET", OPEN, 404, query="domain=nobody.example.com"),
    for_admins("POST", "/domains/{host}/verify", 200),
    for_admins("GET", "/audit", 200),
    for_admins("GET", "/dead-letters", 200),
    for_admins("POST", "/dead-letters/replay", 200),
    for_admins("POST", "/bans", 201, body={"kind": "link", "value": "{code}", "reason": "phishing"}),
    for_admins("GET", "/misses", 200),
    for_admins("GET", "/misses/list", 200),
    for_admins("GET", "/bans", 200),
    for_admins("GET", "/touched", 200, query="host=example.com"),
    for_admins("GET", "/bans/{ban_id}", 404),
    for_admins("DELETE", "/bans/{ban_id}", 404),
    for_admins("GET", "/reports", 200),
    for_admins("POST", "/reports/{report_id}/resolve", 404, body={"resolution": "dismissed"}),
    for_admins("GET", "/links", 200),
    for_admins("GET", LINK, 200),
    for_admins("PATCH", LINK, 200, body={"disabled": True}),
    for_admins("GET", "/users", 200),
    for_admins("GET", "/users/{user_id}", 200),
    for_admins("PATCH", "/users/{user_id}", 200, body={"disabled": True}),
    public("GET", "/health/live", 200),
    public("GET", "/health/ready", 200),
    public("GET", "/{code}", 302),
    public("HEAD", "/{code}", 302),
    public("POST", "/{code}", 405),
    public("GET", "/{code}+", 200),
    public("GET", "/{code}.qr", 200),
    public("GET", "/{code}/badge.svg", 404),
]
# Those that let people in.
ENTRY = {f"/api/v1/auth/{name}" for name in ("register", "token", "refresh", "oidc/login", "oidc/callback")}
ENTRY |= {"/api/v1/reports"}
# They decide by themselves: tests/live/test_sockets.py.
SOCKETS = {"/api/v1/live"}


LATER = datetime(2099, 1, 1, tzinfo=UTC)


class World(NamedTuple):
    """The things that requests concern. `token` is of an invitation for who asks."""

    code: str
    workspace_id: str
    member_id: str
    invitation_id: str
    key_id: str
    user_id: str
    ban_id: str
    report_id: str
    token: str
    alias: str = "nothing"
    tag: str = "nothing"
    dimension: str = "countries"
    comment_id: str = "01a1fe5f-45f3-7621-8f7f-e259d4b6f1bf"
    session_id: str = str(uuid.UUID(int=404))

    async def ask(self, app: FastAPI, row: Row, headers: dict[str, str]) -> httpx.Response:
        places = self._asdict() | {"host": f"{self.code}.example.com"}
        path = f"{row.path}?{row.query}".rstrip("?").format_map(places)
        body = {name: v.format_map(places) if isinstance(v, str) else v for name, v in row.body.items()}
        kind = "data" if row.path == "/api/v1/auth/token" else "json"
        sent = {kind: body} if body or row.method in {"POST", "PUT", "PATCH"} else {}
        async with client_of(app) as client:
            return await client.request(row.method, path, headers=headers, **sent)


async def make_key(app: FastAPI, user_id: int, without: Scope | None = None) -> tuple[uuid.UUID, str]:
    held = scopes_of_user(is_admin=False)
    async with app.state.parts[DATABASE].session(info={ACTOR_KEY: COMMAND_LINE}) as session:
        made, key = await app.state.parts[KEYS].create(session, Principal(user_id, held), "test", held - {without})
    return made.id, key


async def make_world(app: FastAPI, person: str) -> tuple[int, World]:
    """The caller, and a workspace with a link, an owner (who may be the caller), a viewer, and an invitation."""
    workspace_id, member_id, invitation_id, token = uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), new_invitation_token()
    roles = {f"{person}@example.com": ROLES.get(person), f"member.{person}@example.com": "viewer"}
    if person != "owner":
        roles[f"owner.{person}@example.com"] = "owner"
    users: dict[str, int] = {}
    async with app.state.parts[DATABASE].session(info={ACTOR_KEY: COMMAND_LINE}) as session, session.begin():
        await session.execute(insert(Workspace).values(id=workspace_id, name="Marketing"))
        await session.execute(insert(Link).values(code=f"of-{person}", url=URL, workspace_id=workspace_id))
        claim = {"host": f"of-{person}.example.com", "workspace_id": workspace_id, "token": "x", "is_trusted": True}
        await session.execute(insert(Domain).values(**claim, verified_at=func.now()))
        for email, role in roles.items():
            hash_ = passwords.HASHER.hash(PASSWORD)
            users[email] = await insert_user(session, email, hash_, is_admin=email == "admin@example.com")
            if role is not None:
                id_ = member_id if email.startswith("member") else uuid.uuid4()
                member = {"workspace_id": workspace_id, "user_id": users[email], "id": id_, "role": role}
                await session.execute(insert(Member).values(member))
        owner = users.get(f"owner.{person}@example.com", users[f"{person}@example.com"])
        session.add(
            Invitation(
                id=invitation_id,
                workspace_id=workspace_id,
                email=f"{person}@example.com",
                role="viewer",
                hash=hash_secret(token),
                invited_by=owner,
                expires_at=LATER,
            )
        )
    key_id, _ = await make_key(app, owner)
    of_member = users[f"member.{person}@example.com"]
    ids = (str(id_) for id_ in (workspace_id, member_id, invitation_id, key_id, of_member, 404, 404))
    return users[f"{person}@example.com"], World(f"of-{person}", *ids, token)


async def shown(app: FastAPI, user_id: int, person: str, row: Row) -> dict[str, str]:
    """The headers by which they say who they are."""
    if person == "anonymous":
        return {}
    if person in BY_KEY:
        key_id, key = await make_key(app, user_id, row.scope if person == "wrong_scope" else None)
        if person == "revoked":
            async with app.state.parts[DATABASE].session(info={ACTOR_KEY: COMMAND_LINE}) as session:
                await app.state.parts[KEYS].revoke(session, key_id)
        return {"X-API-Key": key}
    session_id, now_s = uuid.uuid4(), int(time.time())
    async with app.state.parts[DATABASE].session.begin() as session:
        session.add(Session(id=session_id, user_id=user_id, expires_at=LATER))
    issued_at_s = now_s - (ACCESS_LIFETIME_S + 1 if person == "expired" else 0)
    return bearer(app.state.parts[ACCOUNTS]._tokens.issue(user_id, session_id, issued_at_s))


def name_of(row: Row) -> str:
    return f"{row.method} {row.path}"


@pytest.mark.parametrize("row", ROWS, ids=name_of)
async def test_each_may_do_what_the_matrix_says(app, redis, row):
    await redis.zadd(HEARTBEAT, {"worker-1": time.time() + 3600})
    for person in PEOPLE:
        user_id, world = await make_world(app, person)
        answer = await world.ask(app, row, await shown(app, user_id, person, row))
        assert (person, answer.status_code) == (person, row.statuses[person]), answer.text
        if answer.status_code == 401 and row.path not in ENTRY:
            assert_challenged(answer, "authentication-required" if person == "anonymous" else "invalid-credential")


def without_ids(text: str) -> str:
    """An answer may repeat the id that it was asked for."""
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", text)


async def test_what_is_somebody_elses_looks_like_what_does_not_exist(app, database):
    for n, row in enumerate(row for row in ROWS if row.statuses["other"] == 404):
        user_id, world = await make_world(app, f"other{n}")
        headers = await shown(app, user_id, "other", row)
        theirs = await world.ask(app, row, headers)
        async with database.driver_connection() as connection:
            await connection.execute("DELETE FROM links; DELETE FROM domains")
        nothing = World(world.code, *(str(uuid.uuid4()) for _ in range(4)), "404", "404", "404", new_invitation_token())
        none = await nothing.ask(app, row, headers)
        assert (name_of(row), theirs.status_code, without_ids(theirs.text)) == (
            name_of(row),
            404,
            without_ids(none.text),
        )
        assert theirs.headers.keys() == none.headers.keys()


async def test_each_route_has_a_row_and_decides_who_may_use_it(app, client):
    document = (await client.get("/openapi.json")).json()
    methods = {"get", "put", "post", "delete", "patch", "head"}
    routes = {(m.upper(), path) for path, item in document["paths"].items() for m in methods & item.keys()}
    assert {(row.method, row.path) for row in ROWS} == routes
    assert len(ROWS) == len(routes)
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, WebSocketRoute):
            assert route.path in SOCKETS
        elif route.path.startswith("/api/"):
            kind = DocumentedRoute if route.path == OPEN else LoginRoute if route.path in ENTRY else ApiRoute
            assert isinstance(route.original_route, kind), route.path
