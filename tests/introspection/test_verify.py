"""Other services learn whether a token or key of this service is valid, and nothing about those that are not."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.accounts.conftest import *  # noqa: F403  (its fixtures)
from tests.accounts.conftest import AUTH, KEYS, Account, register, two_processes
from tests.conftest import eventually
from tests.links.test_api import assert_problem

VERIFY = f"{AUTH}/verify"


@pytest.fixture
async def service(ada: Account) -> dict[str, str]:
    """The headers of a service that may verify tokens."""
    return {"X-API-Key": (await ada.create_key("tokens:verify"))["key"]}


async def verify(client: httpx.AsyncClient, headers: dict[str, str], token: str) -> dict[str, Any]:
    answer = await client.post(VERIFY, json={"token": token}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "private, no-store"
    found: dict[str, Any] = answer.json()
    return found


async def test_a_login_is_active_with_its_user_scopes_and_end(client, service):
    eve = await register(client, "eve@example.com")
    found = await verify(client, service, eve.access)
    assert found.pop("exp") - time.time() == pytest.approx(600, abs=30)
    assert found == {
        "active": True,
        "token_type": "access_token",
        "sub": "2",
        "scope": "links:read links:write stats:read tokens:verify",
        "iss": "https://sho.rt",
    }


async def test_a_key_is_active_with_its_id_and_its_end_if_it_has_one(client, ada, service):
    ends_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    for fields, end in (({}, None), ({"expires_at": ends_at.isoformat()}, int(ends_at.timestamp()))):
        key = await ada.create_key("links:read", **fields)
        found = await verify(client, service, key["key"])
        assert (found["active"], found["token_type"], found["client_id"]) == (True, "api_key", key["id"])
        assert (found["sub"], found["scope"], found.get("exp")) == ("1", "links:read", end)


async def test_of_a_bad_token_nothing_more_is_said(client, ada, service):
    key = await ada.create_key("links:read")
    tokens = (
        "",
        "x",
        ada.refresh,
        ada.access[:-20] + "x" * 20,
        key["key"][:-1] + ("y" if key["key"].endswith("x") else "x"),
        key["prefix"],
        "ü" * 100,
        "x" * 8192,
    )
    for token in tokens:
        assert await verify(client, service, token) == {"active": False}
    answer = await client.post(VERIFY, json={"token": "x" * 8193}, headers=service)
    assert_problem(answer, 422, "invalid-request")


async def test_bad_tokens_of_others_do_not_use_up_the_tries_of_the_service(client, ada, service):
    for n in range(70):
        assert await verify(client, service, f"shr_{n}") == {"active": False}
    assert (await verify(client, service, ada.access))["active"]


async def test_a_key_of_the_scope_is_needed_and_a_login_is_not_enough(client, ada):
    body = {"token": "x"}
    assert_problem(await client.post(VERIFY, json=body), 401, "authentication-required")
    assert_problem(await client.post(VERIFY, json=body, headers=ada.headers), 403, "key-required")
    other = {"X-API-Key": (await ada.create_key("links:read", "links:write", "stats:read"))["key"]}
    assert_problem(await client.post(VERIFY, json=body, headers=other), 403, "insufficient-scope")


async def test_what_is_revoked_is_inactive_within_a_second_in_every_process(settings):
    async with two_processes(settings) as two:
        ada = await register(two.one)
        service = {"X-API-Key": (await ada.create_key("tokens:verify"))["key"]}
        key = await ada.create_key("links:read")
        for client in (two.one, two.other):
            assert (await verify(client, service, key["key"]))["active"]
        assert (await two.one.delete(f"{KEYS}/{key['id']}", headers=ada.headers)).status_code == 204

        async def is_inactive() -> bool:
            return await verify(two.other, service, key["key"]) == {"active": False}

        assert await verify(two.one, service, key["key"]) == {"active": False}
        await eventually(is_inactive, within_s=1)
