"""Where people are logged in, and how they want the dashboard to be."""

import uuid

from shortener.accounts.preferences import Language
from shortener.dashboard.wording import LANGUAGES
from tests.accounts.conftest import ME, bearer, log_in, register
from tests.links.test_api import assert_problem

SESSIONS = f"{ME}/sessions"


async def test_one_sees_where_one_is_logged_in_and_ends_one_or_all_others(client, ada, database):
    tokens = [(await log_in(client)).json()["access_token"] for _ in range(3)]
    listed = (await client.get(SESSIONS, headers=ada.headers)).json()["items"]
    assert len(listed) == 4
    [mine] = [item for item in listed if item["current"]]
    first = (await client.get(SESSIONS, headers=bearer(tokens[0]))).json()["items"]
    [other] = [item["id"] for item in first if item["current"]]
    assert (await client.delete(f"{SESSIONS}/{other}", headers=ada.headers)).status_code == 204
    assert (await client.get(ME, headers=bearer(tokens[0]))).status_code == 401
    assert (await client.get(ME, headers=bearer(tokens[1]))).status_code == 200
    assert (await client.delete(SESSIONS, headers=ada.headers)).json() == {"ended": 2}
    assert [(await client.get(ME, headers=bearer(token))).status_code for token in tokens] == [401] * 3
    left = (await client.get(SESSIONS, headers=ada.headers)).json()["items"]
    assert [item["id"] for item in left] == [mine["id"]]
    async with database.driver_connection() as connection:
        reasons = "SELECT details->>'reason' FROM audit_log WHERE action = 'session.ended' ORDER BY id"
        found = [row[0] for row in await connection.fetch(reasons)]
    assert found == ["ended by its user", "all others ended by their user"]


async def test_the_session_of_somebody_else_is_not_found(client, ada):
    bob = await register(client, "bob@example.com")
    [his] = (await client.get(SESSIONS, headers=bob.headers)).json()["items"]
    for session_id in (his["id"], uuid.uuid4()):
        assert_problem(await client.delete(f"{SESSIONS}/{session_id}", headers=ada.headers), 404, "session-not-found")
    assert (await client.get(ME, headers=bob.headers)).status_code == 200


async def test_a_key_neither_sees_nor_ends_logins(client, ada):
    headers = {"X-API-Key": (await ada.create_key())["key"]}
    assert_problem(await client.get(SESSIONS, headers=headers), 403, "login-required")
    assert_problem(await client.delete(SESSIONS, headers=headers), 403, "login-required")


async def test_logins_come_in_pages(client, ada):
    for _ in range(2):
        await log_in(client)
    page = (await client.get(SESSIONS, headers=ada.headers, params={"limit": 2})).json()
    rest = (await client.get(page["next"], headers=ada.headers)).json()
    assert len({item["id"] for item in page["items"] + rest["items"]}) == 3
    assert rest["next"] is None


async def test_preferences_change_only_in_what_is_named(client, ada):
    path = f"{ME}/preferences"
    assert (await client.get(path, headers=ada.headers)).json()["theme"] == "system"
    for change in ({"theme": "dark", "time_zone": "Europe/Berlin"}, {"rows": 20}, {"time_zone": None}):
        assert (await client.patch(path, headers=ada.headers, json=change)).status_code == 200
    found = (await client.get(path, headers=ada.headers)).json()
    assert (found["theme"], found["rows"], found["time_zone"]) == ("dark", 20, None)
    for wrong in ({"time_zone": "Europe/Atlantis"}, {"rows": 7}, {"theme": None}):
        assert_problem(await client.patch(path, headers=ada.headers, json=wrong), 422, "invalid-request")


def test_preferences_know_the_languages_of_the_dashboard():
    assert set(Language.__args__) == set(LANGUAGES)
