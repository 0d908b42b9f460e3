"""Pages allow what the API allows, offer nothing else, and change nothing when they are only read."""

import html
import re
import uuid
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from shortener.access.models import Session
from shortener.access.tokens import hash_secret, new_browser_secret
from shortener.stores.parts import DATABASE
from tests.access import test_matrix as api
from tests.access.test_matrix import DOMAIN, LATER, LINK, MEMBER, SPACE, URL, World, make_world
from tests.accounts.conftest import PASSWORD
from tests.conftest import changed, client_of, running_app
from tests.dashboard.conftest import OWN, contents

PEOPLE = ("owner", "editor", "viewer", "other", "admin", "anonymous", "revoked")
PLACES = {"dimension": "countries", "kind": "svg", "verb": "disable"}


class Row(NamedTuple):
    """A page, and the request to the API that allows the same. `form` has names of `World` in braces."""

    method: str
    path: str
    like: tuple[str, str]
    form: dict[str, str] | None = None
    verb: str = "disable"


def get(path: str, *like: str) -> Row:
    return Row("GET", path, ("GET" if len(like) == 1 else like[0], f"/api/v1{like[-1]}"))


def post(path: str, method: str, like: str, verb: str = "disable", **form: str) -> Row:
    return Row("POST", path, (method, f"/api/v1{like}"), form, verb)


LINKS, SPACES, ADMIN = "/-/links/{code}", "/-/workspaces/{workspace_id}", "/-/admin"
READ = [
    get(LINKS, f"{LINK}/stats"),
    get(f"{LINKS}/clicks", f"{LINK}/clicks"),
    get(f"{LINKS}/clicks.csv", f"{LINK}/clicks"),
    get(f"{LINKS}/series.csv", f"{LINK}/stats"),
    get(f"{LINKS}/values/{{dimension}}", f"{LINK}/stats/{{dimension}}"),
    get(f"{LINKS}/values/{{dimension}}/file.csv", f"{LINK}/stats/{{dimension}}"),
    get(f"{LINKS}/qr", f"{LINK}/qr"),
    get(f"{LINKS}/qr.{{kind}}", f"{LINK}/qr"),
    get(f"{LINKS}/comments", f"{LINK}/comments"),
    get(f"{LINKS}/edit", "PATCH", LINK),
    get("/-/domains/{host}", f"{DOMAIN}/stats"),
    get("/-/domains/{host}/series.csv", f"{DOMAIN}/stats"),
    get("/-/domains/{host}/values/{dimension}", f"{DOMAIN}/stats/{{dimension}}"),
    get("/-/domains/{host}/values/{dimension}/file.csv", f"{DOMAIN}/stats/{{dimension}}"),
    get("/-/domains/{host}/settings", "PATCH", DOMAIN),
    get("/-/keys", "/keys"),
    get("/-/account", "/me/sessions"),
    get("/-/notifications", "/me/notifications"),
    get("/-/live?channel=workspace:{workspace_id}&follow=false", "/live"),
    get("/-/workspaces", "/workspaces"),
    get(SPACES, f"{SPACE}/members"),
    get(f"{ADMIN}/reports", "/admin/reports"),
    get(f"{ADMIN}/bans", "/admin/bans"),
    get(f"{ADMIN}/links", "/admin/links"),
    get(f"{ADMIN}/users", "/admin/users"),
    get(f"{ADMIN}/audit", "/admin/audit"),
    get(f"{ADMIN}/audit.csv", "/admin/audit"),
    get(f"{ADMIN}/system", "/admin/dead-letters"),
]
CHANGE = [
    post("/-/links", "POST", "/links", url=URL, workspace="{workspace_id}"),
    post("/-/new", "POST", "/links", url=URL, workspace="{workspace_id}"),
    post(f"{LINKS}/edit", "PATCH", LINK, url=URL, title="New"),
    post(f"{LINKS}/comments", "POST", f"{LINK}/comments", text="Hello"),
    post(f"{LINKS}/comments/read", "PUT", f"{LINK}/comments-read", until="{comment_id}"),
    post(f"{LINKS}/comments/{{comment_id}}/edit", "PATCH", f"{LINK}/comments/{{comment_id}}", text="Hello"),
    post(f"{LINKS}/comments/{{comment_id}}/delete", "DELETE", f"{LINK}/comments/{{comment_id}}"),
    post(f"{LINKS}/{{verb}}", "PATCH", LINK),
    post(f"{LINKS}/{{verb}}", "DELETE", LINK, verb="delete"),
    post("/-/domains/{host}/verify", "POST", f"{DOMAIN}/verify"),
    post("/-/domains/{host}/settings", "PATCH", DOMAIN),
    post("/-/domains/{host}/remove", "DELETE", DOMAIN),
    post("/-/keys", "POST", "/keys", name="CI", scope="links:read"),
    post("/-/keys/{key_id}/revoke", "DELETE", "/keys/{key_id}"),
    post(
        "/-/account/password",
        "POST",
        "/me/password",
        current_password=PASSWORD,
        new_password="a green whale cycles",
    ),
    post("/-/account/sessions/end", "DELETE", "/me/sessions"),
    post("/-/account/sessions/{session_id}/end", "DELETE", "/me/sessions/{session_id}"),
    post("/-/account/delete", "POST", "/me/delete", email="{email}", password=PASSWORD),
    post("/-/notifications/read", "PATCH", "/me/notifications"),
    post("/-/notifications/settings", "PATCH", "/me/notifications/settings"),
    post("/-/logout", "POST", "/auth/logout"),
    post("/-/workspaces", "POST", "/workspaces", name="New"),
    post(f"{SPACES}/rename", "PATCH", SPACE, name="New"),
    post(f"{SPACES}/delete", "DELETE", SPACE, sure="Marketing"),
    post(f"{SPACES}/members/{{member_id}}/role", "PATCH", MEMBER, role="editor"),
    post(f"{SPACES}/members/{{member_id}}/remove", "DELETE", MEMBER),
    post(f"{SPACES}/invitations", "POST", "/invitations", email="new@example.com", role="viewer"),
    post(f"{SPACES}/invitations/{{invitation_id}}/revoke", "DELETE", "/invitations/{invitation_id}"),
    post("/-/join", "POST", "/invitations/accept", invitation="{token}", yes="1"),
    post(f"{ADMIN}/bans", "POST", "/admin/bans", kind="link", value="{code}", reason="phishing"),
    post(f"{ADMIN}/bans/{{ban_id}}/lift", "DELETE", "/admin/bans/{ban_id}"),
    post(f"{ADMIN}/reports/{{report_id}}/resolve", "POST", "/admin/reports/{report_id}/resolve", resolution="banned"),
    post(f"{ADMIN}/links/{{code}}/{{verb}}", "PATCH", f"/admin{LINK}"),
    post(f"{ADMIN}/users/{{user_id}}/{{verb}}", "PATCH", "/admin/users/{user_id}"),
    post(f"{ADMIN}/system/replay", "POST", "/admin/dead-letters/replay"),
]
# About the workspace that is shown, which is always one of the reader's.
SHOWN = {
    "/-/", "/-/links", "/-/new", "/-/bulk/{verb}", "/-/export", "/-/import", "/-/import/make", "/-/import/{key}",
    "/-/import/{key}/failed.csv", "/-/import/{key}/links.csv", "/-/palette", "/-/code", "/-/switch", "/-/domains",
    "/-/tags", "/-/tags/names", "/-/tags/{tag}", "/-/tags/{tag}/delete", "/-/tags/{tag}/edit", "/-/tags/{tag}/merge",
    "/-/tags/{tag}/series.csv", "/-/tags/{tag}/values/{dimension}", "/-/tags/{tag}/values/{dimension}/file.csv",
}  # fmt: skip
# For anybody.
OPEN = {
    "/-/help", "/-/preferences", "/-/join", "/-/join/login", "/-/join/register", "/-/login", "/-/login/sso",
    "/-/register", "/-/report", "/-/static/{digest}/{name:path}", "/-/{path:path}",
}  # fmt: skip


@pytest.fixture
async def app(settings):
    async with running_app(changed(settings, anonymous_links=False, anonymous_manage=False)) as found:
        yield found


async def browser_of(app: FastAPI, user_id: int, *, is_revoked: bool = False) -> httpx.AsyncClient:
    """A browser in which the user is logged in."""
    secret = new_browser_secret()
    async with app.state.parts[DATABASE].session.begin() as session:
        login = Session(id=uuid.uuid4(), user_id=user_id, expires_at=LATER, cookie_hash=hash_secret(secret))
        if is_revoked:
            login.revoked_at = LATER
        session.add(login)
    client = client_of(app, headers=OWN | {"Accept": "text/html", "Accept-Language": "en"})
    client.cookies.set("__Host-shortener", secret)
    return client


async def reader(app: FastAPI, person: str) -> tuple[httpx.AsyncClient, World]:
    user_id, world = await make_world(app, person)
    if person == "anonymous":
        return client_of(app, headers=OWN | {"Accept": "text/html"}), world
    return await browser_of(app, user_id, is_revoked=person == "revoked"), world


async def ask(client: httpx.AsyncClient, world: World, person: str, row: Row) -> httpx.Response:
    places = PLACES | {"verb": row.verb, "email": f"{person}@example.com", "host": f"{world.code}.example.com"}
    places = {**world._asdict(), **places}
    form = {name: value.format_map(places) for name, value in (row.form or {}).items()}
    return await client.request(row.method, row.path.format_map(places), data=form or None)


def outcome(status: int, location: str = "") -> str:
    if status == 401 or location.startswith("/-/login?"):
        return "log in"
    return "done" if status < 400 else "refused"


def allowed(row: Row, person: str) -> str:
    [like] = [each for each in api.ROWS if (each.method, each.path) == row.like]
    return outcome(like.statuses[person])


async def compared(app: FastAPI, person: str, rows: list[Row]) -> None:
    client, world = await reader(app, person)
    async with client:
        for row in rows:
            answer = await ask(client, world, person, row)
            found = outcome(answer.status_code, answer.headers.get("location", ""))
            assert (person, row.path, found) == (person, row.path, allowed(row, person)), answer.text


@pytest.mark.parametrize("person", PEOPLE)
async def test_the_matrix_of_pages_says_the_same_as_the_matrix_of_the_api(app, person):
    await compared(app, person, READ)


@pytest.mark.parametrize("row", CHANGE, ids=lambda row: f"{row.path} {row.verb}")
async def test_the_matrix_of_changes_by_pages_says_the_same_as_the_matrix_of_the_api(app, row):
    for person in PEOPLE:
        await compared(app, person, [row])


def test_each_page_is_in_the_matrix(app):
    rows = {row.path.partition("?")[0] for row in READ + CHANGE}
    pages = {route.path for route in iter_route_contexts(app.routes) if route.path and route.path.startswith("/-/")}
    assert rows | SHOWN | OPEN == pages
    assert not rows & OPEN - {"/-/join"}


def typed(field: dict[str, str]) -> str:
    """What somebody could type into a field."""
    return {"email": "new@example.com", "password": PASSWORD}.get(field.get("type", ""), URL)


class Forms(HTMLParser):
    """The forms of a page that change something: the path and the fields of each, once for each of its buttons."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._forms: dict[str, tuple[str, dict[str, str]]] = {}
        self._open = self._select = ""
        for _ in range(2):
            # A button may stand before its form.
            self.reset()
            self.found.clear()
            self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attributes}
        if tag == "form":
            self._open = own.get("id") or f"form {self.getpos()}"
            self._forms.setdefault(self._open, (own.get("action", "") if own.get("method") == "post" else "", {}))
        path, fields = self._forms.get(own.get("form") or self._open, ("", {}))
        is_button = tag == "button" and own.get("type", "submit") == "submit"
        if is_button and (target := own.get("formaction") or path):
            self.found.append((target, fields | ({own["name"]: own.get("value", "")} if "name" in own else {})))
        elif tag == "input" and "name" in own and (own.get("type") not in ("checkbox", "radio") or "checked" in own):
            fields[own["name"]] = own.get("value") or (typed(own) if "required" in own else "")
        elif tag == "select":
            self._select = own.get("name", "")
        elif tag == "option" and ("selected" in own or self._select not in fields):
            fields[self._select] = own.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = ""


def offered(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    yield from Forms(text).found
    yield from ((html.unescape(path), {}) for path in re.findall(r'hx-post="([^"]+)"', text))


# They end what the others need.
LAST = re.compile(r"/(delete|remove|revoke|end|logout|switch|leave)$|/-/bulk/")
PAGES = (
    "/-/", "/-/links", "/-/links?q=is:deleted", "/-/new", "/-/import", "/-/tags", "/-/domains", "/-/keys", "/-/account",
    "/-/notifications", "/-/workspaces", "/-/help", "/-/admin/reports", "/-/admin/bans", "/-/admin/links",
    "/-/admin/users", "/-/admin/system",
)  # fmt: skip
PLACED = (LINKS, f"{LINKS}/edit", f"{LINKS}/qr", f"{LINKS}/clicks", f"{LINKS}/comments", SPACES, "/-/domains/{host}")


async def pages_of(client: httpx.AsyncClient, world: World) -> list[httpx.Response]:
    host = f"{world.code}.example.com"
    placed = [path.format_map(world._asdict() | {"host": host}) for path in PLACED]
    return [await client.get(path) for path in (f"/-/switch?workspace={world.workspace_id}", *PAGES, *placed)]


@pytest.mark.parametrize("person", ["owner", "editor", "viewer", "admin"])
async def test_a_page_offers_nothing_that_its_reader_may_not_do(app, person):
    client, world = await reader(app, person)
    async with client:
        offers: dict[str, dict[str, str]] = {}
        for answer in await pages_of(client, world):
            here = answer.request.url.path
            offers |= {path or here: fields for path, fields in offered(answer.text)}
        assert len(offers) > 5
        for path in sorted(offers, key=lambda path: (LAST.search(path) is not None, path)):
            if path != "/-/logout":
                answer = await client.post(path, data=offers[path])
                assert (path, answer.status_code != 403) == (path, True), answer.text


@pytest.mark.parametrize("person", ["owner", "admin"])
async def test_get_changes_nothing(app, person):
    client, world = await reader(app, person)
    async with client:
        database = app.state.parts[DATABASE]
        before = await contents(database)
        statuses = {(await ask(client, world, person, row)).status_code for row in READ}
        statuses |= {answer.status_code for answer in await pages_of(client, world)}
        statuses |= {(await client.get(path)).status_code for path in ("/-/login", "/-/join", "/-/new?url=a.example")}
        assert statuses <= {200, 303, 403, 404}
        assert await contents(database) == before
