"""Registering, logging in and out, refreshing, and changing what is one's own."""

import asyncio
import base64
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from dirty_equals import IsNow, IsStr

from shortener.accounts import commands, service
from shortener.accounts.parts import ACCOUNTS
from shortener.moderation.commands import set_disabled
from tests.accounts.conftest import (
    AUTH,
    EMAIL,
    ME,
    OTHER_PASSWORD,
    PASSWORD,
    bearer,
    hashes,
    log_in,
    logged_in,
    refresh,
    register,
)
from tests.conftest import changed, client_of, running_app
from tests.links.test_api import assert_problem


def jwt_claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


async def is_in(client, access: str) -> bool:
    return (await client.get(ME, headers=bearer(access))).status_code == 200


async def test_who_registers_can_log_in_and_is_told_who_they_are(client):
    answer = await client.post(f"{AUTH}/register", json={"email": "Ada@Example.com", "password": PASSWORD})
    assert (answer.status_code, answer.json()) == (201, {"email": EMAIL})
    answer = await log_in(client, "ADA@example.com")
    assert answer.json() == {
        "access_token": IsStr(regex=r"[\w-]+\.[\w-]+\.[\w-]+"),
        "refresh_token": IsStr(regex=r"shrr_\w{43}"),
        "token_type": "bearer",
        "expires_in": 600,
    }
    assert answer.headers["cache-control"] == "private, no-store"
    answer = await client.get(ME, headers=bearer(answer.json()["access_token"]))
    assert answer.json() == {
        "email": EMAIL,
        "is_admin": False,
        "has_password": True,
        "created_at": IsNow(iso_string=True, tz="UTC", delta=10),
        "scopes": ["links:read", "links:write", "stats:read", "tokens:verify"],
    }


async def test_nobody_registers_where_registration_is_closed(settings, database):
    async with running_app(changed(settings, registration="closed")) as app, client_of(app) as client:
        answer = await client.post(f"{AUTH}/register", json={"email": EMAIL, "password": PASSWORD})
        assert_problem(answer, 403, "registration-closed")
    async with database.driver_connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM users") == 0


BODIES = [
    ("register", {"email": EMAIL, "password": PASSWORD, "is_admin": True}),
    ("register", {"email": EMAIL, "password": PASSWORD, "id": 1}),
    ("register", {"email": EMAIL}),
    ("register", {"email": "ada", "password": PASSWORD}),
    ("register", {"email": "ada@exam\nple.com", "password": PASSWORD}),
    ("register", {"email": "ada@example.com, eve@example.com", "password": PASSWORD}),
    ("register", {"email": "\u0430da@example.com", "password": PASSWORD}),
    ("register", {"email": f"{'a' * 250}@example.com", "password": PASSWORD}),
    ("register", {"email": EMAIL, "password": ["x"]}),
    ("refresh", {"refresh_token": "x", "session_id": "1"}),
    ("refresh", {}),
]


@pytest.mark.parametrize(("path", "body"), BODIES)
async def test_members_nobody_knows_and_addresses_that_are_none_are_refused(client, path, body):
    answer = await client.post(f"{AUTH}/{path}", json=body)
    assert_problem(answer, 422, "invalid-request")
    assert PASSWORD not in answer.text


async def test_a_login_takes_what_oauth2_has_and_nothing_else(client, ada):
    form = {"username": EMAIL, "password": PASSWORD}
    oauth2 = form | {"grant_type": "password", "scope": "", "client_id": "", "client_secret": ""}
    # As documentation pages send it.
    answer = await client.post(f"{AUTH}/token", data=oauth2, headers={"Authorization": "Basic Og=="})
    assert answer.status_code == 200
    for more in ({"is_admin": "true"}, {"grant_type": "client_credentials"}, {"username": "x\0"}):
        assert_problem(await client.post(f"{AUTH}/token", data=form | more), 422, "invalid-request")
    assert_problem(await client.post(f"{AUTH}/token", json=form), 422, "invalid-request")


async def test_a_wrong_password_an_unknown_address_and_a_disabled_user_are_answered_alike(client, ada, database):
    wrong = await log_in(client, EMAIL, OTHER_PASSWORD)
    unknown = await log_in(client, "eve@example.com")
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE users SET is_disabled = true")
    disabled = await log_in(client)
    assert_problem(wrong, 401, "invalid-login")
    assert {answer.text for answer in (wrong, unknown, disabled)} == {wrong.text}
    assert {tuple(answer.headers.multi_items()) for answer in (wrong, unknown, disabled)} == {
        tuple(wrong.headers.multi_items())
    }
    assert wrong.headers["www-authenticate"].startswith("Bearer")


async def test_registering_a_known_address_is_answered_alike_and_changes_nothing(client, ada, database):
    again = await client.post(f"{AUTH}/register", json={"email": EMAIL, "password": OTHER_PASSWORD})
    new = await client.post(f"{AUTH}/register", json={"email": "eve@example.com", "password": OTHER_PASSWORD})
    assert (again.status_code, again.json().keys()) == (new.status_code, new.json().keys())
    assert (await log_in(client, EMAIL, OTHER_PASSWORD)).status_code == 401
    assert (await log_in(client)).status_code == 200
    async with database.driver_connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM users WHERE email = $1", EMAIL) == 1


async def test_known_and_unknown_addresses_cost_the_same_hashes(app, client, ada, database, monkeypatch):
    made = hashes(app, monkeypatch)
    for email in (EMAIL, "eve@example.com"):
        await log_in(client, email, OTHER_PASSWORD)
        assert len(made) == 1, email
        made.clear()
        await client.post(f"{AUTH}/register", json={"email": email, "password": OTHER_PASSWORD})
        assert len(made) == 1, email
        made.clear()


async def test_fifty_that_register_one_address_make_one_account(client, database):
    body = {"email": EMAIL, "password": PASSWORD}
    answers = await asyncio.gather(*(client.post(f"{AUTH}/register", json=body) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {201}
    async with database.driver_connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM users") == 1


async def test_fifty_logins_at_once_are_fifty_sessions(client, ada, database):
    answers = await asyncio.gather(*(log_in(client) for _ in range(50)))
    assert Counter(answer.status_code for answer in answers) == {200: 50}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 50
    async with database.driver_connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM sessions") == 51
    assert all([await is_in(client, answer.json()["access_token"]) for answer in answers])


async def test_a_login_takes_over_nothing_that_was_there_before(client, ada, database):
    """Session fixation: whatever a browser brings along, its login is a session of its own, and sets no cookie."""
    eve = await register(client, "eve@example.com")
    chosen = {"Cookie": "session=chosen; sid=chosen", "X-Session-Id": "chosen"} | eve.headers
    form = {"username": EMAIL, "password": PASSWORD}
    answers = [await client.post(f"{AUTH}/token", data=form, headers=chosen) for _ in range(2)]
    sessions = set()
    for answer in answers:
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert "chosen" not in str(jwt_claims(answer.json()["access_token"]))
        sessions.add(jwt_claims(answer.json()["access_token"])["sid"])
    before = {jwt_claims(account.access)["sid"] for account in (ada, eve)}
    assert len(sessions) == 2
    assert sessions.isdisjoint(before)
    async with database.driver_connection() as connection:
        owners = "SELECT count(*) FROM sessions JOIN users ON users.id = user_id WHERE email = $1"
        assert await connection.fetchval(owners, "eve@example.com") == 1
    assert (await client.post(f"{AUTH}/token", data=form | {"session_id": "chosen"})).status_code == 422


async def lock_out(settings) -> None:
    await set_disabled(settings, EMAIL, is_disabled=True)


async def give_new_password(settings) -> None:
    await commands.reset_password(settings, EMAIL, OTHER_PASSWORD)


@pytest.mark.parametrize("meanwhile", [lock_out, give_new_password])
async def test_a_login_that_was_right_when_it_began_is_no_more(app, client, ada, settings, monkeypatch, meanwhile):
    compare = app.state.parts[ACCOUNTS]._compare

    async def compare_slowly(*args):
        kept = await compare(*args)
        await meanwhile(settings)
        return kept

    monkeypatch.setattr(app.state.parts[ACCOUNTS], "_compare", compare_slowly)
    assert_problem(await log_in(client), 401, "invalid-login")


async def test_a_refresh_gives_new_tokens_and_the_old_access_token_works_on(client, ada):
    answer = await refresh(client, ada.refresh)
    assert answer.status_code == 200
    assert answer.json()["refresh_token"] != ada.refresh
    assert await is_in(client, answer.json()["access_token"])
    assert await is_in(client, ada.access)
    assert (await refresh(client, answer.json()["refresh_token"])).status_code == 200


async def test_a_refresh_needs_no_access_token_and_looks_at_none(client, ada):
    answer = await client.post(f"{AUTH}/refresh", json={"refresh_token": ada.refresh}, headers=bearer("an.expired.one"))
    assert answer.status_code == 200


async def test_a_refresh_token_that_comes_back_ends_its_session_and_no_other(client, ada, monkeypatch):
    monkeypatch.setattr(service, "RACE", timedelta(0))
    elsewhere = await logged_in(client)
    second = (await refresh(client, ada.refresh)).json()
    third = (await refresh(client, second["refresh_token"])).json()
    answer = await refresh(client, ada.refresh)
    assert_problem(answer, 401, "invalid-credential")
    assert "used before" in answer.text
    for token in (ada.refresh, second["refresh_token"], third["refresh_token"]):
        assert_problem(await refresh(client, token), 401, "invalid-credential")
    for access in (ada.access, second["access_token"], third["access_token"]):
        assert not await is_in(client, access)
    assert await is_in(client, elsewhere.access)
    assert (await refresh(client, elsewhere.refresh)).status_code == 200


async def test_of_many_refreshes_at_once_one_gets_tokens_and_the_session_lives(client, ada, database):
    answers = await asyncio.gather(*(refresh(client, ada.refresh) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: 19}
    (winner,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert await is_in(client, winner["access_token"])
    assert (await refresh(client, winner["refresh_token"])).status_code == 200
    async with database.driver_connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM refresh_tokens") == 3


async def test_a_refresh_token_that_nobody_has_is_refused(client, ada):
    for token in ("", "x", f"shrr_{'x' * 43}", ada.access[:200]):
        assert_problem(await refresh(client, token), 401, "invalid-credential")


async def test_a_session_ends_by_itself_when_idle_and_in_any_case_at_last(client, ada, database):
    async with database.driver_connection() as connection:
        left = "SELECT expires_at - now() FROM sessions"
        assert timedelta(days=13) < await connection.fetchval(left) <= timedelta(days=14)
        await connection.execute("UPDATE sessions SET created_at = now() - interval '89 days'")
        answer = await refresh(client, ada.refresh)
        assert timedelta(hours=23) < await connection.fetchval(left) <= timedelta(days=1)
        await connection.execute("UPDATE sessions SET expires_at = now()")
    assert_problem(await refresh(client, answer.json()["refresh_token"]), 401, "invalid-credential")


async def test_logging_out_ends_this_session_at_once_and_no_other(client, ada):
    elsewhere = await logged_in(client)
    assert await is_in(client, ada.access)
    assert (await client.post(f"{AUTH}/logout", headers=ada.headers)).status_code == 204
    assert not await is_in(client, ada.access)
    assert_problem(await refresh(client, ada.refresh), 401, "invalid-credential")
    assert_problem(await client.post(f"{AUTH}/logout", headers=ada.headers), 401, "invalid-credential")
    assert await is_in(client, elsewhere.access)


async def test_a_new_password_ends_all_other_sessions(client, ada):
    elsewhere = await logged_in(client)
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    wrong = await client.post(f"{ME}/password", json=body | {"current_password": "wrong"}, headers=ada.headers)
    assert_problem(wrong, 403, "wrong-password")
    weak = await client.post(f"{ME}/password", json=body | {"new_password": "short"}, headers=ada.headers)
    assert_problem(weak, 422, "weak-password", errors=[{"in": "body", "field": "/new_password", "message": IsStr()}])
    assert await is_in(client, elsewhere.access)

    assert (await client.post(f"{ME}/password", json=body, headers=ada.headers)).status_code == 204
    assert await is_in(client, ada.access)
    assert not await is_in(client, elsewhere.access)
    assert (await refresh(client, elsewhere.refresh)).status_code == 401
    assert (await refresh(client, ada.refresh)).status_code == 200
    assert (await log_in(client)).status_code == 401
    assert (await log_in(client, EMAIL, OTHER_PASSWORD)).status_code == 200


async def test_of_two_changes_of_a_password_at_once_one_holds(client, ada):
    news = ["a first whale cycles", "a second whale cycles", "a third whale cycles"]
    answers = await asyncio.gather(
        *(
            client.post(f"{ME}/password", json={"current_password": PASSWORD, "new_password": new}, headers=ada.headers)
            for new in news
        )
    )
    done = [new for new, answer in zip(news, answers, strict=True) if answer.status_code == 204]
    assert len(done) == 1
    assert [(await log_in(client, EMAIL, new)).status_code == 200 for new in news] == [new in done for new in news]


async def test_an_account_is_deleted_with_all_it_had_and_only_with_its_password(client, ada, database):
    other = await register(client, "eve@example.com")
    await ada.create_key()
    answer = await client.post(f"{ME}/delete", json={"password": OTHER_PASSWORD}, headers=ada.headers)
    assert_problem(answer, 403, "wrong-password")
    assert_problem(await client.post(f"{ME}/delete", json={}, headers=ada.headers), 403, "wrong-password")
    assert (await client.post(f"{ME}/delete", json={"password": PASSWORD}, headers=ada.headers)).status_code == 204
    assert not await is_in(client, ada.access)
    assert (await log_in(client)).status_code == 401
    assert await is_in(client, other.access)
    async with database.driver_connection() as connection:
        for table in ("users", "sessions", "refresh_tokens", "api_keys"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == (table != "api_keys")


async def test_nothing_that_lets_anybody_in_is_stored_or_logged(settings, database, redis, capfd):
    limits = {"limit_login": "100/minute", "limit_account": "9/minute"}
    talkative = changed(settings, log_level="debug", access_log=True, **limits)
    async with running_app(talkative) as app, client_of(app) as client:
        ada = await register(client)
        key = (await ada.create_key())["key"]
        await client.get(ME, headers={"X-API-Key": key})
        await client.get(f"{ME}?api_key={key}")
        await log_in(client, EMAIL, OTHER_PASSWORD)
        await refresh(client, ada.refresh)
        await refresh(client, ada.refresh)
        await client.post(f"{AUTH}/refresh", content=f'{{"refresh_token": "{ada.refresh}'.encode())
        await client.post(f"{AUTH}/logout", headers=ada.headers)
    # The test's own client logs as well.
    logged = "\n".join(line for line in "".join(capfd.readouterr()).splitlines() if '"httpx"' not in line)
    assert "/api/v1/auth/token" in logged
    stored = ""
    async with database.driver_connection() as connection:
        for table in ("users", "sessions", "refresh_tokens", "api_keys"):
            stored += str(await connection.fetch(f"SELECT * FROM {table}"))
    stored += str(await redis.keys("*"))
    secret = key.rpartition("_")[2]
    for text in (PASSWORD, OTHER_PASSWORD, ada.access, ada.access.split(".")[1], ada.refresh, secret):
        assert text not in logged
        assert text not in stored
    assert EMAIL not in str(await redis.keys("*"))
