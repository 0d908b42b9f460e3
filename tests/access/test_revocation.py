"""Whoever is not to be let in any more is refused within a second, in every process, with and without Redis."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest

from shortener.access.actors import COMMAND_LINE
from shortener.access.parts import AUTHENTICATION
from shortener.accounts import commands
from shortener.accounts.parts import ACCOUNTS
from shortener.moderation.commands import set_disabled
from shortener.settings import Settings
from shortener.stores.invalidations import INFORMED_LIFETIME_S
from shortener.stores.parts import DATABASE
from tests.accounts.conftest import (
    AUTH,
    KEYS,
    ME,
    OTHER_PASSWORD,
    PASSWORD,
    Account,
    Two,
    logged_in,
    refresh,
    register,
    two_processes,
)
from tests.conftest import changed, eventually

# Until a machine that does other things as well has noticed.
WITHIN_S = 1.0

Revoke = Callable[[Settings, Account, dict], Awaitable[object]]


async def log_out(settings: Settings, ada: Account, key: dict) -> None:
    assert (await ada.client.post(f"{AUTH}/logout", headers=ada.headers)).status_code == 204


async def change_password(settings: Settings, ada: Account, key: dict) -> None:
    elsewhere = await logged_in(ada.client)
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    answer = await ada.client.post(f"{ME}/password", json=body, headers=elsewhere.headers)
    assert answer.status_code == 204


async def delete_account(settings: Settings, ada: Account, key: dict) -> None:
    answer = await ada.client.post(f"{ME}/delete", json={"password": PASSWORD}, headers=ada.headers)
    assert answer.status_code == 204


async def disable(settings: Settings, ada: Account, key: dict) -> None:
    await set_disabled(settings, ada.email, is_disabled=True)


async def reset_password(settings: Settings, ada: Account, key: dict) -> None:
    await commands.reset_password(settings, ada.email, OTHER_PASSWORD)


async def revoke_key(settings: Settings, ada: Account, key: dict) -> None:
    assert (await ada.client.delete(f"{KEYS}/{key['id']}", headers=ada.headers)).status_code == 204


async def revoke_key_by_command(settings: Settings, ada: Account, key: dict) -> None:
    await commands.revoke_key(settings, key["id"])


BY_COMMAND = {disable, reset_password, revoke_key_by_command}
LOGIN, KEY = {"login"}, {"key"}
REVOCATIONS: list[tuple[Revoke, set[str]]] = [
    (log_out, LOGIN),
    (change_password, LOGIN),
    (reset_password, LOGIN),
    (disable, LOGIN | KEY),
    (delete_account, LOGIN | KEY),
    (revoke_key, KEY),
    (revoke_key_by_command, KEY),
]


async def until_informed(two: Two) -> None:
    await eventually(
        lambda: all(app.state.parts[AUTHENTICATION].lifetime_s == INFORMED_LIFETIME_S for app in two.apps), within_s=20
    )


async def statuses(client: httpx.AsyncClient, shown: dict[str, dict[str, str]]) -> dict[str, int]:
    return {name: (await client.get(ME, headers=headers)).status_code for name, headers in shown.items()}


@pytest.mark.parametrize(("revoke", "revoked"), REVOCATIONS, ids=[revoke.__name__ for revoke, _ in REVOCATIONS])
@pytest.mark.parametrize("is_redis_there", [True, False], ids=["with redis", "without redis"])
async def test_a_revocation_is_seen_in_every_process_within_a_second(settings, redis, is_redis_there, revoke, revoked):
    if not is_redis_there:
        settings = changed(settings, redis_url="redis://127.0.0.1:1")
    async with two_processes(settings) as two:
        ada = await register(two.one)
        key = await ada.create_key()
        shown = {"login": ada.headers, "key": {"X-API-Key": key["key"]}}
        if is_redis_there:
            await until_informed(two)
        for client in (two.one, two.other):
            assert await statuses(client, shown) == {"login": 200, "key": 200}

        await revoke(settings, ada, key)
        revoked_at_s = time.monotonic()
        expected = {name: 401 if name in revoked else 200 for name in shown}
        if revoke not in BY_COMMAND:
            assert await statuses(two.one, shown) == expected, "the process that has done it knows at once"

        async def is_seen(client: httpx.AsyncClient) -> bool:
            return await statuses(client, shown) == expected

        for client in (two.other, two.one):
            await eventually(lambda client=client: is_seen(client), within_s=WITHIN_S)
        assert time.monotonic() - revoked_at_s < 2 * WITHIN_S


async def test_a_refresh_token_that_comes_back_ends_its_session_in_every_process(settings, redis, monkeypatch):
    monkeypatch.setattr("shortener.accounts.service.RACE", timedelta(0))
    async with two_processes(settings) as two:
        ada = await register(two.one)
        await until_informed(two)
        assert (await two.other.get(ME, headers=ada.headers)).status_code == 200
        assert (await refresh(two.one, ada.refresh)).status_code == 200
        assert (await refresh(two.one, ada.refresh)).status_code == 401

        async def is_out() -> bool:
            return (await two.other.get(ME, headers=ada.headers)).status_code == 401

        await eventually(is_out, within_s=WITHIN_S)


async def test_what_was_read_before_a_revocation_is_not_remembered_after_it(app, client, ada, monkeypatch):
    authentication = app.state.parts[AUTHENTICATION]
    await eventually(lambda: authentication.lifetime_s == INFORMED_LIFETIME_S)
    authentication.forget(None)
    find, read, go_on = authentication._find, asyncio.Event(), asyncio.Event()

    async def find_slowly(credential: str):
        principal = await find(credential)
        read.set()
        await go_on.wait()
        return principal

    monkeypatch.setattr(authentication, "_find", find_slowly)
    early = asyncio.create_task(client.get(ME, headers=ada.headers))
    await read.wait()
    monkeypatch.setattr(authentication, "_find", find)
    async with app.state.parts[DATABASE].session(info={"actor": COMMAND_LINE}) as session:
        await app.state.parts[ACCOUNTS].log_out(session, await find(ada.access))
    # Later callers do not share what was read before.
    assert (await client.get(ME, headers=ada.headers)).status_code == 401
    go_on.set()
    await early
    assert (await client.get(ME, headers=ada.headers)).status_code == 401


async def test_of_many_that_show_the_same_one_looks_it_up(app, client, ada, monkeypatch):
    authentication = app.state.parts[AUTHENTICATION]
    authentication.forget(None)
    found = 0
    find = authentication._find

    async def count(credential: str):
        nonlocal found
        found += 1
        return await find(credential)

    monkeypatch.setattr(authentication, "_find", count)
    answers = await asyncio.gather(*(client.get(ME, headers=ada.headers) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert found <= 2
