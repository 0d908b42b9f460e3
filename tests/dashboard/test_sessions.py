"""Logins of browsers end in every process."""

import re
from collections.abc import Awaitable, Callable

import httpx
import pytest

from shortener.accounts.commands import reset_password
from shortener.moderation.commands import create_ban, set_disabled
from shortener.moderation.kinds import Kind
from shortener.settings import Settings
from tests.access.test_revocation import WITHIN_S, until_informed
from tests.accounts.conftest import EMAIL, OTHER_PASSWORD, PASSWORD, register, two_processes
from tests.conftest import changed, client_of, eventually
from tests.dashboard.conftest import OWN, log_in

COOKIE = "__Host-shortener"


async def log_out(settings: Settings, ada: httpx.AsyncClient) -> None:
    assert (await ada.post("/-/logout")).status_code == 303


async def change_password_elsewhere(settings: Settings, ada: httpx.AsyncClient) -> None:
    # Another login of the same person.
    await log_in(ada)
    fields = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await ada.post("/-/account/password", data=fields)).status_code == 303


async def change_password_here(settings: Settings, ada: httpx.AsyncClient) -> None:
    fields = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await ada.post("/-/account/password", data=fields)).status_code == 303


async def get_a_new_password(settings: Settings, ada: httpx.AsyncClient) -> None:
    await reset_password(settings, EMAIL, OTHER_PASSWORD)


async def end_it_from_the_list(settings: Settings, ada: httpx.AsyncClient) -> None:
    await log_in(ada)
    paths = re.findall(r'action="(/-/account/sessions/[0-9a-f-]{36}/end)"', (await ada.get("/-/account")).text)
    assert [(await ada.post(path)).status_code for path in paths] == [303] * 2


async def disable(settings: Settings, ada: httpx.AsyncClient) -> None:
    await set_disabled(settings, EMAIL, is_disabled=True)


async def ban(settings: Settings, ada: httpx.AsyncClient) -> None:
    await create_ban(settings, Kind.USER, EMAIL, "abuse")


async def delete_the_account(settings: Settings, ada: httpx.AsyncClient) -> None:
    assert (await ada.post("/-/account/delete", data={"email": EMAIL, "password": PASSWORD})).status_code == 303


Ending = Callable[[Settings, httpx.AsyncClient], Awaitable[None]]
ENDINGS: list[Ending] = [
    log_out,
    change_password_elsewhere,
    change_password_here,
    get_a_new_password,
    end_it_from_the_list,
    disable,
    ban,
    delete_the_account,
]


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
async def test_logout_disabling_ban_and_a_new_password_end_the_browser_session_everywhere_within_a_second(
    settings, end: Ending
):
    closed = changed(settings, registration="open", anonymous_links=False, anonymous_manage=False)
    async with two_processes(closed) as two, client_of(two.apps[0], headers=OWN) as ada:
        await register(two.one)
        await until_informed(two)
        cookie = {"Cookie": f"{COOKIE}={(await log_in(ada)).cookies[COOKIE]}"}

        async def status(client: httpx.AsyncClient) -> int:
            return (await client.get("/-/account", headers=cookie)).status_code

        # Each process remembers the login.
        assert [await status(client) for client in (two.one, two.other)] == [200, 200]
        await end(closed, ada)
        for client in (two.one, two.other):

            async def is_out(client=client) -> bool:
                return await status(client) == 303

            await eventually(is_out, within_s=WITHIN_S)
            fields = {"url": "https://example.com/", "code": "late"}
            assert (await client.post("/-/links", data=fields, headers=cookie | OWN)).status_code == 401
        assert (await two.one.get("/late")).status_code == 404
