"""Who may do what: tokens and keys, scopes, and where none is needed."""

import re
import time

import pytest

from shortener.access import authentication
from shortener.access.parts import AUTHENTICATION
from shortener.access.scopes import Scope
from shortener.accounts.commands import create_key, create_user
from tests.accounts.conftest import AUTH, KEYS, LINKS, ME, PASSWORD, bearer, logged_in, register
from tests.conftest import changed, client_of, create_link, eventually, running_app
from tests.links.test_api import assert_problem
from tests.moderation.conftest import ADMIN

ROUTES = [
    ("POST", LINKS, "links:write"),
    ("POST", f"{LINKS}/bulk", "links:write"),
    ("GET", LINKS, "links:read"),
    ("GET", f"{LINKS}/abc", "links:read"),
    ("PATCH", f"{LINKS}/abc", "links:write"),
    ("DELETE", f"{LINKS}/abc", "links:write"),
    ("GET", f"{LINKS}/abc/stats", "stats:read"),
    ("GET", f"{LINKS}/abc/clicks", "stats:read"),
    ("GET", f"{LINKS}/abc/clicks?format=csv", "stats:read"),
]
PERSONAL = [
    ("GET", ME),
    ("POST", f"{ME}/password"),
    ("POST", f"{ME}/delete"),
    ("POST", f"{AUTH}/logout"),
    ("POST", KEYS),
    ("GET", KEYS),
    ("DELETE", f"{KEYS}/01a1fe5f-45f3-7621-8f7f-e259d4b6f1bf"),
]
ADMINISTRATION = [
    ("GET", f"{ADMIN}/audit"),
    ("POST", f"{ADMIN}/bans"),
    ("GET", f"{ADMIN}/bans"),
    ("GET", f"{ADMIN}/bans/{{ban_id}}"),
    ("DELETE", f"{ADMIN}/bans/{{ban_id}}"),
    ("GET", f"{ADMIN}/reports"),
    ("POST", f"{ADMIN}/reports/{{report_id}}/resolve"),
    ("GET", f"{ADMIN}/links"),
    ("GET", f"{ADMIN}/links/{{code}}"),
    ("PATCH", f"{ADMIN}/links/{{code}}"),
    ("GET", f"{ADMIN}/users"),
    ("GET", f"{ADMIN}/users/{{user_id}}"),
    ("PATCH", f"{ADMIN}/users/{{user_id}}"),
]
FOR_ADMINS = [(method, re.sub(r"{(\w+)}", "404", path)) for method, path in ADMINISTRATION]
SCOPES = ("links:read", "links:write", "stats:read")
EVERYTHING = [(method, path) for method, path, _ in ROUTES] + PERSONAL + FOR_ADMINS


def assert_challenged(answer, type_: str = "invalid-credential") -> None:
    assert_problem(answer, 401, type_)
    assert answer.headers["www-authenticate"].startswith('Bearer realm="shortener"')


async def test_who_shows_nothing_gets_nothing(client):
    for method, path in EVERYTHING:
        assert_challenged(await client.request(method, path), "authentication-required")


async def test_where_links_are_open_to_all_what_is_personal_is_not(settings):
    async with (
        running_app(changed(settings, anonymous_links=True, anonymous_manage=True)) as app,
        client_of(app) as client,
    ):
        await create_link(client, code="abc")
        for method, path, _ in ROUTES:
            assert (await client.request(method, path)).status_code in {200, 204, 404, 422}, (method, path)
        for method, path in PERSONAL + FOR_ADMINS:
            assert_challenged(await client.request(method, path), "authentication-required")


@pytest.mark.parametrize("is_open", [False, True], ids=["closed", "open"])
async def test_a_bad_credential_is_refused_wherever_it_is_shown(settings, is_open):
    bad = {
        "a key nobody has": {"X-API-Key": f"shr_aaaaaa_{'a' * 43}"},
        "not a key": {"X-API-Key": "x"},
        "an empty key": {"X-API-Key": ""},
        "not a token": bearer("x"),
        "an empty token": {"Authorization": "Bearer"},
        "another scheme": {"Authorization": "Digest x"},
        "an endless one": bearer("x" * 5000),
        "one that is not ASCII": {"X-API-Key": b"\xff\xfe"},
    }
    async with (
        running_app(changed(settings, anonymous_links=is_open, anonymous_manage=is_open)) as app,
        client_of(app) as client,
    ):
        for n, headers in enumerate(bad.values()):
            # From an address of its own: bad credentials are counted.
            async with client_of(app, f"198.51.100.{n}") as client:
                for method, path in EVERYTHING:
                    assert_challenged(await client.request(method, path, headers=headers))


async def test_a_body_is_not_read_for_who_may_not_send_it(client, ada):
    key = await ada.create_key("links:read")
    for headers, status in (({}, 401), (bearer("x"), 401), ({"X-API-Key": key["key"]}, 403)):
        answer = await client.post(f"{LINKS}/bulk", content=b"no JSON", headers=headers)
        assert answer.status_code == status
    assert (await client.post(f"{LINKS}/bulk", content=b"no JSON", headers=ada.headers)).status_code == 422


async def test_a_login_may_do_all_with_links(client, ada):
    await client.post(LINKS, json={"url": "https://example.com/", "code": "abc"}, headers=ada.headers)
    for method, path, _ in ROUTES:
        answer = await client.request(method, path, headers=ada.headers)
        assert answer.status_code not in {401, 403}, (method, path)


async def test_only_an_admins_key_or_login_with_the_scope_administers(settings, client, ada):
    await create_user(settings, "root@example.com", PASSWORD, is_admin=True)
    root = await logged_in(client, "root@example.com")
    for headers, is_admin in (
        (ada.headers, False),
        ({"X-API-Key": (await ada.create_key(*SCOPES))["key"]}, False),
        ({"X-API-Key": (await root.create_key(*SCOPES))["key"]}, False),
        ({"X-API-Key": (await root.create_key("admin"))["key"]}, True),
        (root.headers, True),
    ):
        for method, path in FOR_ADMINS:
            answer = await client.request(method, path, headers=headers)
            if is_admin:
                assert answer.status_code in {200, 404, 422}, (method, path)
            else:
                assert_problem(answer, 403, "insufficient-scope")


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
@pytest.mark.parametrize("held", SCOPES)
async def test_a_key_may_do_what_its_scope_says_and_nothing_else(client, ada, held, header):
    await client.post(LINKS, json={"url": "https://example.com/", "code": "abc"}, headers=ada.headers)
    key = (await ada.create_key(held))["key"]
    headers = {header: key if header == "X-API-Key" else f"Bearer {key}"}
    for method, path, needed in ROUTES:
        answer = await client.request(method, path, headers=headers)
        if needed == held:
            assert answer.status_code in {200, 204, 404, 422}, (method, path)
        else:
            assert_problem(answer, 403, "insufficient-scope")
            assert f'scope="{needed}"' in answer.headers["www-authenticate"]
    assert (await client.get(ME, headers=headers)).json()["scopes"] == [held]


async def test_only_an_admin_with_the_scope_may_administer(client, settings, ada):
    await create_user(settings, "admin@example.com", None, is_admin=True)
    keys = {
        scope: {"X-API-Key": await create_key(settings, "admin@example.com", "x", [Scope(scope)], None, None)}
        for scope in (*SCOPES, "admin")
    }
    for method, path in FOR_ADMINS:
        for headers in (ada.headers, *(keys[scope] for scope in SCOPES)):
            answer = await client.request(method, path, headers=headers)
            assert_problem(answer, 403, "insufficient-scope")
            assert 'scope="admin"' in answer.headers["www-authenticate"]
        assert (await client.request(method, path, headers=keys["admin"])).status_code in {200, 404, 422}


async def test_a_key_in_a_url_is_refused_also_beside_a_good_one(client, ada):
    key = (await ada.create_key("links:read"))["key"]
    for query in (f"api_key={key}", f"access_token={ada.access}", f"q={key}", "x=1&API-KEY=x", f"q={ada.refresh}"):
        for headers in ({}, {"X-API-Key": key}):
            answer = await client.get(f"{LINKS}?{query}", headers=headers)
            assert_challenged(answer)
            assert "revoke it" in answer.text
    answer = await client.post(f"{AUTH}/refresh?refresh_token=x", json={"refresh_token": ada.refresh})
    assert_challenged(answer)
    assert (await client.get(f"{LINKS}?q=shr_", headers={"X-API-Key": key})).status_code == 200


async def test_two_credentials_are_one_too_many(client, ada):
    key = (await ada.create_key("links:read"))["key"]
    for headers in (
        [("X-API-Key", key), ("Authorization", f"Bearer {ada.access}")],
        [("X-API-Key", key), ("X-API-Key", key)],
        [("Authorization", f"Bearer {key}"), ("Authorization", f"Bearer {ada.access}")],
    ):
        assert_challenged(await client.get(LINKS, headers=headers))
    # Basic is what a proxy in front has asked for.
    headers = {"X-API-Key": key, "Authorization": "Basic YWRhOng="}
    assert (await client.get(LINKS, headers=headers)).status_code == 200


async def test_no_other_header_says_who_somebody_is(client, ada):
    for name in ("X-User", "X-User-Id", "Remote-User", "X-Forwarded-User", "X-Auth-Request-Email", "Cookie"):
        assert_challenged(await client.get(ME, headers={name: "1"}), "authentication-required")
    for headers in ({"Forwarded": "for=127.0.0.1"}, {"X-Forwarded-For": "127.0.0.1"}, {"Host": "localhost"}):
        assert_challenged(await client.get(LINKS, headers=headers), "authentication-required")


async def test_a_token_ends_when_it_says_also_while_it_is_remembered(app, client, ada, monkeypatch):
    assert (await client.get(ME, headers=ada.headers)).status_code == 200
    now_s = time.time()
    monkeypatch.setattr(authentication.time, "time", lambda: now_s + 599)
    assert (await client.get(ME, headers=ada.headers)).status_code == 200
    monkeypatch.setattr(authentication.time, "time", lambda: now_s + 601)
    assert_challenged(await client.get(ME, headers=ada.headers))


async def test_who_is_remembered_costs_no_statement(app, client, ada, monkeypatch):
    key = (await ada.create_key("links:read"))["key"]
    found: list[str] = []
    find = app.state.parts[AUTHENTICATION]._find

    async def count(credential: str):
        found.append(credential)
        return await find(credential)

    monkeypatch.setattr(app.state.parts[AUTHENTICATION], "_find", count)
    await eventually(lambda: app.state.parts[AUTHENTICATION].lifetime_s > 1)
    for _ in range(10):
        for headers in (ada.headers, {"X-API-Key": key}):
            assert (await client.get(LINKS, headers=headers)).status_code == 200
    assert len(found) == len(set(found)) <= 2


async def limits_of(client, headers) -> tuple[str, str]:
    answer = await client.get(LINKS, headers=headers)
    return answer.headers["ratelimit-policy"], answer.headers["x-ratelimit-remaining"]


async def test_limits_are_counted_by_user_and_by_key_wherever_they_come_from(settings):
    limited = changed(
        settings, limit_api="100/minute", limit_account="1000/minute", anonymous_links=True, anonymous_manage=True
    )
    async with running_app(limited) as app, client_of(app) as client, client_of(app, "198.51.100.9") as elsewhere:
        ada = await register(client)
        again = await logged_in(elsewhere)
        key = {"X-API-Key": (await ada.create_key("links:read"))["key"]}
        account = '"account";q=1000;w=60'
        # Making the key was a request of hers.
        assert await limits_of(client, ada.headers) == (account, "998")
        assert await limits_of(elsewhere, again.headers) == (account, "997")
        assert await limits_of(client, key) == (account, "999")
        assert await limits_of(elsewhere, key) == (account, "998")
        assert await limits_of(client, {}) == ('"api";q=100;w=60', "99")
        assert await limits_of(client, bearer("x")) == ('"api";q=100;w=60', "98")


async def test_a_key_can_have_a_limit_of_its_own(settings):
    async with running_app(changed(settings, limit_account="1000/minute")) as app, client_of(app) as client:
        ada = await register(client)
        headers = {"X-API-Key": await create_key(settings, ada.email, "slow", [Scope.LINKS_READ], None, 2)}
        statuses = [(await client.get(LINKS, headers=headers)).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert (await client.get(LINKS, headers=ada.headers)).status_code == 200


async def test_an_idempotency_key_is_its_users_own_also_behind_one_address(client, ada):
    eve = await register(client, "eve@example.com")
    made = [
        await client.post(
            LINKS, json={"url": "https://example.com/"}, headers=account.headers | {"Idempotency-Key": "one"}
        )
        for account in (ada, eve, ada)
    ]
    codes = [answer.json()["code"] for answer in made]
    assert codes[0] == codes[2] != codes[1]


async def test_the_document_says_how_to_show_who_you_are(settings):
    for is_open in (False, True):
        async with (
            running_app(changed(settings, anonymous_links=is_open, anonymous_manage=is_open)) as app,
            client_of(app) as client,
        ):
            document = (await client.get("/openapi.json")).json()
        schemes = document["components"]["securitySchemes"]
        assert {name: scheme["type"] for name, scheme in schemes.items()} == {
            "Login": "oauth2",
            "API key": "apiKey",
            "API key as bearer": "http",
        }
        flow = schemes["Login"]["flows"]["password"]
        assert flow["tokenUrl"] == f"{AUTH}/token"
        assert set(flow["scopes"]) == {*SCOPES, "tokens:verify", "admin"}
        for method, path, scope in ROUTES:
            path = path.partition("?")[0].replace("/abc", "/{code}")
            security = document["paths"][path][method.lower()]["security"]
            assert ({} in security) == is_open
            assert {"Login": [scope]} in security
        for method, path in PERSONAL:
            path = path if not path.startswith(f"{KEYS}/") else f"{KEYS}/{{key_id}}"
            assert {"Login": []} in document["paths"][path][method.lower()]["security"]
        for method, path in ADMINISTRATION:
            security = document["paths"][path][method.lower()]["security"]
            assert {} not in security
            assert {"Login": ["admin"]} in security
        for path in ("register", "token", "refresh"):
            assert "security" not in document["paths"][f"{AUTH}/{path}"]["post"]


async def test_who_goes_on_with_one_bad_key_costs_nothing_and_uses_up_nobodys_tries(app, client, ada, monkeypatch):
    await eventually(lambda: app.state.parts[AUTHENTICATION].lifetime_s > 1)
    find, tried = app.state.parts[AUTHENTICATION]._find, []

    async def count(credential: str):
        tried.append(credential)
        return await find(credential)

    monkeypatch.setattr(app.state.parts[AUTHENTICATION], "_find", count)
    bad = {"X-API-Key": f"shr_aaaaaa_{'a' * 43}"}
    assert {(await client.get(ME, headers=bad)).status_code for _ in range(100)} == {401}
    assert len(tried) == 1
    key = await ada.create_key()
    assert (await client.get(ME, headers={"X-API-Key": key["key"]})).status_code == 200


async def test_former_secret_keys_are_believed_and_others_are_not(settings):
    new_key = "another one for tests, which is long enough"
    async with running_app(settings) as app, client_of(app) as client:
        ada = await register(client)
    rotated = changed(settings, secret_key=new_key, old_secret_keys=settings.secret_key)
    for now, status in ((rotated, 200), (changed(settings, secret_key=new_key), 401)):
        async with running_app(now) as app, client_of(app) as client:
            assert (await client.get(ME, headers=ada.headers)).status_code == status


async def test_who_tries_too_many_credentials_costs_the_database_nothing_more(app, client, monkeypatch):
    tried = 0
    find = app.state.parts[AUTHENTICATION]._find

    async def count(credential: str):
        nonlocal tried
        tried += 1
        return await find(credential)

    monkeypatch.setattr(app.state.parts[AUTHENTICATION], "_find", count)
    statuses = [(await client.get(ME, headers={"X-API-Key": f"shr_{n:06}_{'a' * 43}"})).status_code for n in range(70)]
    assert statuses == [401] * 60 + [429] * 10
    assert tried == 60
    async with client_of(app, "198.51.100.9") as other:
        assert (await other.get(ME, headers=bearer("x"))).status_code == 401
