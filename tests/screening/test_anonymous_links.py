"""Links that nobody answers for do not live for ever, and their making stays limited without Redis."""

from datetime import UTC, datetime, timedelta

import pytest
from dirty_equals import IsDatetime

from shortener.operations.up import local_defaults
from shortener.settings import load_settings
from tests.accounts.conftest import register
from tests.conftest import SECRET, changed, client_of, create_link, running_app
from tests.links.test_api import LINKS, assert_problem


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def is_in_days(days: float) -> IsDatetime:
    return IsDatetime(approx=datetime.now(UTC) + timedelta(days=days), delta=30, iso_string=True)


@pytest.fixture
async def client(settings):
    month = changed(settings, anonymous_link_days=30, registration="open")
    async with running_app(month) as app, client_of(app) as client:
        yield client


async def test_a_link_made_without_login_expires_after_the_days_that_are_set(client):
    assert (await create_link(client))["expires_at"] == is_in_days(30)
    assert (await create_link(client, expires_at=in_days(3)))["expires_at"] == is_in_days(3)
    assert_problem(
        await client.post(LINKS, json={"url": "https://a.example", "expires_at": in_days(31)}), 422, "invalid-expiry"
    )
    links = [{"url": "https://a.example", "expires_at": expiry} for expiry in (None, in_days(1), in_days(31))]
    made = (await client.post(f"{LINKS}/bulk", json={"links": links})).json()["results"]
    assert [result["status"] for result in made] == [201, 201, 422]
    assert [result["link"]["expires_at"] for result in made[:2]] == [is_in_days(30), is_in_days(1)]
    assert made[2]["problem"]["errors"][0]["field"] == "/links/2/expires_at"
    once = await client.post(LINKS, json={"url": "https://a.example"}, headers={"Idempotency-Key": "1"})
    assert once.json()["expires_at"] == is_in_days(30)


async def test_nobody_can_put_it_off_later(client):
    link = await create_link(client, code="abc", expires_at=in_days(3))
    path = f"{LINKS}/{link['code']}"
    assert_problem(await client.patch(path, json={"expires_at": in_days(31)}), 422, "invalid-expiry")
    assert (await client.patch(path, json={"expires_at": in_days(29)})).json()["expires_at"] == is_in_days(29)
    assert (await client.patch(path, json={"expires_at": None})).json()["expires_at"] == is_in_days(30)
    assert (await client.patch(path, json={"title": "x"})).json()["expires_at"] == is_in_days(30)


async def test_who_logs_in_decides_for_themselves(client):
    ada = await register(client)
    for expiry in (None, in_days(400)):
        made = await client.post(LINKS, json={"url": "https://a.example", "expires_at": expiry}, headers=ada.headers)
        assert made.json()["expires_at"] == (expiry and is_in_days(400))


def test_on_ones_own_machine_links_live_for_ever_and_elsewhere_a_month(monkeypatch):
    monkeypatch.delenv("SHORTENER_ANONYMOUS_LINK_DAYS", raising=False)
    assert load_settings(secret_key=SECRET).anonymous_link_days == 30
    assert local_defaults(load_settings())["anonymous_link_days"] == "0"
    assert "anonymous_link_days" not in local_defaults(load_settings(anonymous_link_days=7))
    assert local_defaults(load_settings(host="0.0.0.0")) == {}


async def test_without_redis_creating_is_limited_by_each_process_for_clients_users_and_keys(settings):
    alone = changed(
        settings,
        redis_url="redis://127.0.0.1:1",
        limit_api="3/minute",
        limit_account="5/minute",
        registration="open",
    )

    async def made(client, **options) -> list[int]:
        body = {"url": "https://a.example"}
        return [(await client.post(LINKS, json=body, **options)).status_code for _ in range(7)]

    async with running_app(alone) as app, client_of(app) as client, client_of(app, "198.51.100.7") as other:
        assert await made(client) == [201] * 3 + [429] * 4
        answer = await client.post(f"{LINKS}/bulk", json={"links": [{"url": "https://a.example"}]})
        assert_problem(answer, 429, "too-many-requests")
        assert int(answer.headers["retry-after"]) <= 60
        assert await made(other) == [201] * 3 + [429] * 4
        ada = await register(client)
        assert await made(client, headers=ada.headers) == [201] * 5 + [429] * 2
