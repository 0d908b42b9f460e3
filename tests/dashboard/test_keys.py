"""Pages about API keys."""

import re

from tests.conftest import client_of

NEW = {"name": "CI", "scope": ["links:read"], "days": "90"}


async def shown_key(client) -> str:
    answer = await client.post("/-/keys", data=NEW)
    assert answer.status_code == 200, answer.text
    return re.search(r"shr_\w{50}", answer.text)[0]


async def test_a_key_made_in_four_actions_works_and_ends_in_90_days(ada, server):
    assert 'value="90" selected' in (await ada.get("/-/keys")).text
    headers = {"X-API-Key": await shown_key(ada)}
    async with client_of(server) as program:
        me = (await program.get("/api/v1/me", headers=headers)).json()
        assert me["scopes"] == ["links:read"]
        assert (
            await program.post("/api/v1/links", headers=headers, json={"url": "https://a.example/"})
        ).status_code == 403


async def test_a_revoked_key_is_gone_from_the_page_and_from_the_api(ada, server):
    key = await shown_key(ada)
    path = re.search(r"/-/keys/[0-9a-f-]{36}/revoke", (await ada.get("/-/keys")).text)[0]
    answer = await ada.post(path, follow_redirects=True)
    assert "Key revoked" in answer.text
    assert "No keys yet" in answer.text
    async with client_of(server) as program:
        assert (await program.get("/api/v1/me", headers={"X-API-Key": key})).status_code == 401
    assert (await ada.post(path)).status_code == 404


async def test_a_form_for_a_key_says_beside_the_field_what_is_wrong_and_keeps_what_was_typed(ada):
    answer = await ada.post("/-/keys", data={"name": "CI", "days": "30"})
    assert answer.status_code == 422
    assert 'id="scopes-error"' in answer.text
    assert 'value="CI"' in answer.text
    assert 'value="30" selected' in answer.text
    assert "administer" not in answer.text.lower().partition("<main")[2]
    assert (await ada.post("/-/keys", data={"name": "CI", "scope": "admin", "days": ""})).status_code == 422


async def test_whoever_has_as_many_keys_as_can_be_is_told_so(ada, monkeypatch):
    monkeypatch.setattr("shortener.dashboard.keys.MAX_KEYS", 1)
    await shown_key(ada)
    assert "You have 1 keys" in (await ada.get("/-/keys")).text
