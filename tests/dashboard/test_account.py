"""The page of the reader's account."""

import re

from tests.accounts.conftest import EMAIL, OTHER_PASSWORD, PASSWORD, register
from tests.conftest import changed, client_of, running_app
from tests.dashboard.conftest import OWN, log_in

COOKIE = "__Host-shortener"


async def test_a_new_password_gives_a_new_secret_and_logs_out_everywhere_else(ada, server):
    old = ada.cookies[COOKIE]
    async with client_of(server, headers=OWN) as other:
        await log_in(other)
        fields = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
        answer = await ada.post("/-/account/password", data=fields)
        assert answer.status_code == 303, answer.text
        assert (await other.get("/-/account")).status_code == 303
    assert "Password changed" in (await ada.get("/-/account")).text
    async with client_of(server) as thief:
        assert (await thief.get("/-/account", headers={"Cookie": f"{COOKIE}={old}"})).status_code == 303


async def test_a_wrong_or_weak_password_is_said_beside_its_field(ada):
    wrong = {"current_password": "something else", "new_password": OTHER_PASSWORD}
    answer = await ada.post("/-/account/password", data=wrong)
    assert answer.status_code == 422
    assert 'id="current_password-error"' in answer.text
    answer = await ada.post("/-/account/password", data={"current_password": PASSWORD, "new_password": "short"})
    assert 'id="new_password-error"' in answer.text
    assert PASSWORD not in answer.text


async def test_a_password_is_guessed_no_faster_here_than_by_the_api(settings):
    limited = changed(settings, registration="open", limit_login="8/minute")
    async with running_app(limited) as app, client_of(app, headers=OWN) as client:
        await register(client)
        await log_in(client)
        fields = {"current_password": "something else", "new_password": OTHER_PASSWORD}
        statuses = {(await client.post("/-/account/password", data=fields)).status_code for _ in range(8)}
        assert statuses == {422, 429}
        wrong = {"username": EMAIL, "password": "something else"}
        assert (await client.post("/api/v1/auth/token", data=wrong)).status_code == 429


async def test_one_sees_where_one_is_logged_in_and_ends_it(ada, server):
    async with client_of(server, headers=OWN | {"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}) as other:
        await log_in(other)
        page = (await ada.get("/-/account")).text
        assert page.count("Firefox") >= 1
        assert page.count("This one") == 1
        [path, *_] = re.findall(r'action="(/-/account/sessions/[0-9a-f-]{36}/end)"', page)
        assert "Logged out in 1 place" in (await ada.post(path, follow_redirects=True)).text
        await ada.post("/-/account/sessions/end")
        assert (await other.get("/-/account")).status_code == 303
    assert (await ada.get("/-/account")).status_code == 200


async def test_preferences_follow_the_user_into_every_browser(ada, server):
    fields = {"theme": "dark", "language": "de", "zone": "Asia/Tokyo", "copy": "off", "back": "/-/account"}
    assert (await ada.post("/-/preferences", data=fields)).headers["location"] == "/-/account"
    async with client_of(server, headers=OWN) as other:
        await log_in(other)
        page = (await other.get("/-/account")).text
    assert '<html lang="de" data-theme="dark"' in page
    assert 'data-copy-new="off"' in page
    assert 'value="Asia/Tokyo"' in page
    wrong = await ada.post("/-/preferences", data={"zone": "Europe/Atlantis"})
    assert wrong.status_code == 422


async def test_an_account_is_deleted_with_the_password_and_its_address_typed(ada):
    await ada.post("/-/links", data={"url": "https://example.com/", "code": "abc"})
    assert "1 link of your personal workspace" in (await ada.get("/-/account")).text
    for fields, name in (
        ({"email": "bob@example.com", "password": PASSWORD}, "email"),
        ({"email": EMAIL, "password": "something else"}, "password"),
    ):
        answer = await ada.post("/-/account/delete", data=fields)
        assert f'id="{name}-error"' in answer.text
    answer = await ada.post("/-/account/delete", data={"email": EMAIL, "password": PASSWORD})
    assert answer.headers["location"] == "/-/login"
    assert (await ada.get("/abc")).status_code == 410
    assert (await log_in(ada)).status_code == 422
