"""Clients that guess passwords are slowed down, learn nothing, and cost little, even while Redis is down."""

import asyncio
from collections import Counter
from functools import partial
from itertools import count

import pytest

from shortener.accounts.parts import ACCOUNTS
from shortener.accounts.slowdown import FREE_FAILURES, Slowdown, TooManyFailures
from shortener.hashing.passwords import PARALLEL_HASHES
from shortener.limits.keys import LimitKeys
from shortener.moderation.commands import set_disabled
from shortener.stores.redis import RedisGuard, create_redis
from tests.accounts.conftest import (
    AUTH,
    EMAIL,
    ME,
    OTHER_PASSWORD,
    PASSWORD,
    hashes,
    log_in,
    refresh,
    register,
)
from tests.conftest import SECRET, changed, client_of, running_app
from tests.links.test_api import assert_problem
from tests.timing import assert_same_time

AWAY = "redis://127.0.0.1:1"


@pytest.fixture(params=["with redis", "without redis"])
def anyhow(request, settings):
    """Settings with a Redis that answers, and with one that does not."""
    return settings if request.param == "with redis" else changed(settings, redis_url=AWAY)


async def test_ten_wrong_passwords_slow_the_account_down_wherever_they_come_from(anyhow):
    async with running_app(anyhow) as app, client_of(app) as client:
        await register(client)
        for n in range(FREE_FAILURES):
            async with client_of(app, f"198.51.100.{n}") as somewhere:
                assert (await log_in(somewhere, EMAIL, OTHER_PASSWORD)).status_code == 401
        answer = await log_in(client)
        assert_problem(answer, 429, "too-many-failures")
        assert int(answer.headers["retry-after"]) == 1


async def test_ten_wrong_passwords_slow_the_client_down_whatever_the_account(anyhow):
    async with running_app(anyhow) as app, client_of(app) as client, client_of(app, "198.51.100.9") as elsewhere:
        await register(elsewhere)
        for n in range(FREE_FAILURES):
            assert (await log_in(client, f"user{n}@example.com")).status_code == 401
        assert_problem(await log_in(client), 429, "too-many-failures")
        assert (await log_in(elsewhere)).status_code == 200


async def test_an_unknown_address_is_slowed_down_like_a_known_one(client, ada):
    found = []
    for email in (EMAIL, "nobody@example.com"):
        answers = [await log_in(client, email, OTHER_PASSWORD) for _ in range(FREE_FAILURES // 2)]
        found.append([(answer.status_code, answer.text) for answer in answers])
    assert found[0] == found[1]


@pytest.mark.parametrize("url", ["", AWAY], ids=["with redis", "without redis"])
async def test_each_further_failure_doubles_the_pause(settings, redis, url):
    client = create_redis(url or settings.redis_url)
    slowdown = Slowdown(client, RedisGuard(2), LimitKeys(SECRET))
    waits = []
    for _ in range(FREE_FAILURES + 12):
        await slowdown.fail(EMAIL, "client")
        try:
            await slowdown.ask(EMAIL, "another client")
        except TooManyFailures as error:
            waits.append(int(error.headers["Retry-After"]))
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    await slowdown.succeed(EMAIL, "client")
    await slowdown.ask(EMAIL, "another client")
    with pytest.raises(TooManyFailures):
        await slowdown.ask("other@example.com", "client")
    await client.aclose()


async def test_a_right_password_forgives_the_account_its_failures(app, client, ada):
    async with client_of(app, "198.51.100.9") as elsewhere:
        for _ in range(FREE_FAILURES - 1):
            await log_in(elsewhere, EMAIL, OTHER_PASSWORD)
    assert (await log_in(client)).status_code == 200
    assert (await log_in(client, EMAIL, OTHER_PASSWORD)).status_code == 401
    assert (await log_in(client)).status_code == 200


async def test_fifty_guesses_at_once_are_no_fifty_guesses(app, client, ada, monkeypatch):
    made = hashes(app, monkeypatch)
    answers = await asyncio.gather(*(log_in(client, EMAIL, f"guess number {n}") for n in range(50)))
    assert set(Counter(answer.status_code for answer in answers)) == {401, 429}
    # Attempts that were being compared when the tenth failed were let through.
    assert FREE_FAILURES <= len(made) <= FREE_FAILURES + 2 * PARALLEL_HASHES


async def test_a_password_that_confirms_a_change_is_no_way_around(client, ada):
    body = {"current_password": OTHER_PASSWORD, "new_password": PASSWORD}
    paths = [(f"{ME}/password", body), (f"{ME}/delete", {"password": OTHER_PASSWORD})] * (FREE_FAILURES // 2)
    for path, fields in paths:
        assert_problem(await client.post(path, json=fields, headers=ada.headers), 403, "wrong-password")
    for path, fields in paths[:2]:
        assert_problem(await client.post(path, json=fields, headers=ada.headers), 429, "too-many-failures")
    assert_problem(await log_in(client), 429, "too-many-failures")


LIMIT = 5


@pytest.fixture
def limited(anyhow):
    return changed(anyhow, limit_login=f"{LIMIT}/minute")


async def test_logins_are_limited_per_account_wherever_they_come_from(limited):
    async with running_app(limited) as app:
        statuses = []
        for n in range(LIMIT + 1):
            async with client_of(app, f"198.51.100.{n}") as client:
                statuses.append((await log_in(client, "ada@example.com" if n % 2 else "ADA@example.com")).status_code)
        assert statuses == [401] * LIMIT + [429]
        async with client_of(app) as client:
            assert (await log_in(client, "eve@example.com")).status_code == 401


async def test_logins_registrations_and_refreshes_share_a_limit_per_client(limited):
    async with running_app(limited) as app, client_of(app) as client, client_of(app, "198.51.100.9") as elsewhere:
        ada = await register(client)
        statuses = [
            (await refresh(client, "x")).status_code,
            (await client.post(f"{AUTH}/token", content=b"nothing that can be read")).status_code,
            (await client.post(f"{AUTH}/register", json={"email": "x"})).status_code,
        ]
        assert statuses == [401, 422, 422]
        for answer in (
            await log_in(client),
            await refresh(client, ada.refresh),
            await client.post(f"{AUTH}/register", json={}),
            await client.post(f"{ME}/password", json={}, headers=ada.headers),
        ):
            assert_problem(answer, 429, "too-many-requests")
            assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["ratelimit-policy"] == f'"login";q={LIMIT};w=60'
        assert (await client.get(ME, headers=ada.headers)).status_code == 200
        assert (await log_in(elsewhere)).status_code == 200


async def test_refreshes_are_limited_per_account(limited):
    async with running_app(limited) as app, client_of(app, "198.51.100.1") as client:
        token = (await register(client)).refresh
        statuses = []
        for n in range(LIMIT + 1):
            async with client_of(app, f"203.0.113.{n}") as somewhere:
                answer = await refresh(somewhere, token)
                statuses.append(answer.status_code)
                token = answer.json().get("refresh_token", token)
        assert statuses == [200] * LIMIT + [429]
        # The token that was refused is not used up.
        async with running_app(changed(limited, limit_login="off")) as other, client_of(other) as client:
            assert (await refresh(client, token)).status_code == 200


async def test_a_header_makes_no_other_client(settings):
    async with running_app(changed(settings, limit_login=f"{LIMIT}/minute")) as app, client_of(app) as client:
        statuses = []
        for n in range(LIMIT + 1):
            headers = dict.fromkeys(("X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP"), f"192.0.2.{n}")
            answer = await client.post(f"{AUTH}/refresh", json={"refresh_token": "x"}, headers=headers)
            statuses.append(answer.status_code)
        assert statuses == [401] * LIMIT + [429]


@pytest.mark.real_hashes
@pytest.mark.timeout(600)
async def test_known_unknown_and_disabled_addresses_take_the_same_time(app, client, settings, monkeypatch):
    await register(client)
    await register(client, "eve@example.com")
    await set_disabled(settings, "eve@example.com", is_disabled=True)

    async def forgive(email: str, client: str) -> None:
        return

    async def fail(email: str) -> None:
        assert (await log_in(client, email, OTHER_PASSWORD)).status_code == 401

    monkeypatch.setattr(app.state.parts[ACCOUNTS]._slowdown, "fail", forgive)
    for email in ("eve@example.com", "nobody@example.com"):
        # Without the hash it would be a thirtieth.
        await assert_same_time(partial(fail, email), partial(fail, EMAIL), pairs=10, most=1.4)


@pytest.mark.real_hashes
async def test_registering_a_known_address_takes_the_time_of_a_new_one(client):
    await register(client)
    new = count()

    async def register_again(email: str) -> None:
        body = {"email": email, "password": OTHER_PASSWORD}
        assert (await client.post(f"{AUTH}/register", json=body)).status_code == 201

    await assert_same_time(
        lambda: register_again(EMAIL), lambda: register_again(f"new{next(new)}@example.com"), pairs=10, most=1.4
    )


async def test_who_is_logged_in_works_on_while_somebody_guesses(app, client, ada):
    async with client_of(app, "198.51.100.9") as stranger:
        for _ in range(FREE_FAILURES + 1):
            await log_in(stranger, EMAIL, OTHER_PASSWORD)
    assert (await log_in(client)).status_code == 429
    assert (await client.get(ME, headers=ada.headers)).status_code == 200
    assert (await refresh(client, ada.refresh)).status_code == 200
