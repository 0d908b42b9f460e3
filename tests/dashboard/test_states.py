"""Every screen when there is nothing to show, when the database does not answer, and for people who may not see it."""

import re
from typing import NamedTuple

import asyncpg
import pytest
from fastapi.routing import iter_route_contexts

from shortener.stores.parts import DATABASE
from tests.accounts.conftest import register
from tests.conftest import client_of
from tests.dashboard.conftest import OWN, log_in

BOB = "bob@example.com"
LINK, TAG, DOMAIN = "/-/links/{code}", "/-/tags/{tag}", "/-/domains/{host}"
# Not screens: files, parts of screens, and routes that lead on at once.
NO_SCREENS = re.compile(
    r"\.csv$|qr\.\{kind\}$|/-/(live|code|switch|export|login/sso|static/.*|tags/names|import/\{key\}|\{path:path\})$"
)


class Screen(NamedTuple):
    """`path` shows the screen with nothing on it, and `says` is what it says then; empty where it always has
    something to show."""

    path: str
    says: str = ""


EMPTY: dict[str, Screen] = {
    "/-/": Screen("/-/", "Your links will be listed here"),
    "/-/links": Screen("/-/links", "No links yet"),
    LINK: Screen("/-/links/abc", "Nobody has followed it yet"),
    f"{LINK}/clicks": Screen("/-/links/abc/clicks", "Nobody has followed it yet"),
    f"{LINK}/comments": Screen("/-/links/abc/comments", "No comments yet"),
    f"{LINK}/values/{{dimension}}": Screen("/-/links/abc/values/countries", "Nothing in this span"),
    f"{LINK}/edit": Screen("/-/links/abc/edit"),
    f"{LINK}/qr": Screen("/-/links/abc/qr"),
    "/-/tags": Screen("/-/tags", "No tags yet"),
    TAG: Screen("/-/tags/spring", "No clicks in this span"),
    f"{TAG}/values/{{dimension}}": Screen("/-/tags/spring/values/cities", "Nothing in this span"),
    f"{TAG}/edit": Screen("/-/tags/spring/edit"),
    "/-/domains": Screen("/-/domains", "No domains yet"),
    DOMAIN: Screen("/-/domains/go.example.com", "No clicks in this span"),
    f"{DOMAIN}/values/{{dimension}}": Screen("/-/domains/go.example.com/values/cities", "Nothing in this span"),
    f"{DOMAIN}/settings": Screen("/-/domains/go.example.com/settings"),
    "/-/keys": Screen("/-/keys", "No keys yet"),
    "/-/notifications": Screen("/-/notifications", "No news yet"),
    "/-/workspaces": Screen("/-/workspaces"),
    "/-/workspaces/{workspace_id}": Screen("{workspace}"),
    "/-/palette": Screen("/-/palette?q=nothing", "Nothing matches"),
    "/-/new": Screen("/-/new"),
    "/-/import": Screen("/-/import"),
    "/-/account": Screen("/-/account"),
    "/-/help": Screen("/-/help"),
    "/-/preferences": Screen("/-/preferences"),
    "/-/report": Screen("/-/report"),
    "/-/join": Screen("/-/join"),
    "/-/login": Screen("/-/login"),
    "/-/register": Screen("/-/register"),
    "/-/admin/reports": Screen("/-/admin/reports", "Nothing is waiting"),
    "/-/admin/bans": Screen("/-/admin/bans", "Nothing is banned"),
    "/-/admin/links": Screen("/-/admin/links?q=nothing", "Nothing matches"),
    "/-/admin/users": Screen("/-/admin/users?q=nothing", "Nobody matches"),
    "/-/admin/audit": Screen("/-/admin/audit?actor=nobody", "Nothing matches"),
    "/-/admin/system": Screen("/-/admin/system"),
}
# They ask the database nothing, or are for people who are not logged in.
ALWAYS = {"/-/help", "/-/join", "/-/login", "/-/register", "/-/report", "/-/preferences"}
# Those of anybody who is logged in.
OWN_SCREENS = {
    "/-/", "/-/links", "/-/tags", "/-/domains", "/-/keys", "/-/notifications", "/-/workspaces", "/-/palette", "/-/new",
    "/-/import", "/-/account", *ALWAYS,
}  # fmt: skip


@pytest.fixture
async def workspace(server, ada) -> str:
    """The path of Ada's workspace; she is an administrator, and has just begun."""
    async with server.state.parts[DATABASE].driver_connection() as connection:
        await connection.execute("UPDATE users SET is_admin = true")
    path: str = (await ada.post("/-/workspaces", data={"name": "Marketing"})).headers["location"]
    return path


async def begin(server, ada) -> None:
    """Make what the screens of a single link, tag or domain are about."""
    for path, data in (
        ("/-/new", {"url": "https://example.com/", "code": "abc", "tags": "spring", "is_whole": "1"}),
        ("/-/domains", {"host": "go.example.com"}),
    ):
        assert (await ada.post(path, data=data)).status_code == 303, path
    async with server.state.parts[DATABASE].driver_connection() as connection:
        await connection.execute("UPDATE domains SET verified_at = now()")


def screens_of(app) -> set[str]:
    routes = [route for route in iter_route_contexts(app.routes) if "GET" in (route.methods or ())]
    return {each.path for each in routes if each.path.startswith("/-/") and not NO_SCREENS.search(each.path)}


async def test_every_screen_has_its_empty_its_error_and_its_no_rights_form(server, settings, ada, workspace):
    assert set(EMPTY) == screens_of(server)
    # Before anything is there, and then what is about one thing.
    lists = [route for route in EMPTY if "{" not in route]
    await _see_nothing(ada, workspace, lists)
    await begin(server, ada)
    await _see_nothing(ada, workspace, [route for route in EMPTY if "{" in route])
    await _see_no_rights(server, workspace)
    await _see_an_error(settings, ada, workspace)


async def _see_nothing(ada, workspace: str, routes: list[str]) -> None:
    for route in routes:
        screen = EMPTY[route]
        answer = await ada.get(screen.path.format(workspace=workspace), follow_redirects=True)
        assert answer.status_code == 200, route
        assert screen.says in answer.text, route
        # And what to do, or where to go.
        main = answer.text.partition("<main")[2] or answer.text
        assert re.search(r"<(a|button|input|summary)\b", main), route


async def _see_no_rights(server, workspace: str) -> None:
    async with client_of(server, headers=OWN | {"Accept": "text/html", "Accept-Language": "en"}) as nobody:
        for route, screen in EMPTY.items():
            answer = await nobody.get(screen.path.format(workspace=workspace))
            where = answer.headers.get("location", "")
            assert (answer.status_code == 200) if route in ALWAYS else where.startswith("/-/login"), route
        await register(nobody, email=BOB)
        await log_in(nobody, email=BOB)
        for route, screen in EMPTY.items():
            answer = await nobody.get(screen.path.format(workspace=workspace))
            if route in OWN_SCREENS:
                assert answer.status_code in (200, 303), route
                continue
            assert answer.status_code == 404, route
            assert "<h1>Not found</h1>" in answer.text, route
            assert 'href="/-/"' in answer.text, route


async def _see_an_error(settings, ada, workspace: str) -> None:
    name = settings.database_url.partition("?")[0].rpartition("/")[2]
    host = settings.database_url.partition("host=")[2]
    admin = await asyncpg.connect(host=host, user="shortener", database="postgres")
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        for route, screen in EMPTY.items():
            answer = await ada.get(screen.path.format(workspace=workspace))
            if route in ALWAYS:
                assert answer.status_code in (200, 303, 503), route
            else:
                assert answer.status_code == 503, route
            if answer.status_code == 503:
                assert "The database does not answer" in answer.text, route
                assert "Try again" in answer.text, route
    finally:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await admin.close()
