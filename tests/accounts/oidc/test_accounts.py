"""Whose account a single sign-on leads to: an address counts only where the provider has verified it."""

import asyncio
from collections import Counter

from shortener.accounts import commands
from shortener.moderation.commands import set_disabled
from tests.accounts.conftest import EMAIL, KEYS, ME, OTHER_PASSWORD, PASSWORD, bearer, log_in, refresh, register
from tests.accounts.oidc.conftest import me, sign_on
from tests.accounts.oidc.provider import providing
from tests.conftest import changed, client_of, running_app
from tests.links.test_api import assert_problem


async def test_an_address_that_is_not_verified_makes_no_account(browser, idp, database):
    idp.userinfo = {"sub": "ada-1"}
    for claims in (
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"email": None},
        {"email": "no address"},
        {"email": ["ada@example.com"]},
        {"email": "ada@example.com\n"},
    ):
        idp.claims = {"sub": "ada-1", "email": EMAIL, "email_verified": True} | claims
        assert_problem(await sign_on(browser), 403, "oidc-email-unverified")
    async with database.driver_connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM users") == 0


async def test_an_address_that_only_userinfo_has_is_taken_from_there(browser, idp):
    idp.claims = {"sub": "ada-1"}
    idp.userinfo = {"sub": "eve", "email": EMAIL, "email_verified": True}
    assert_problem(await sign_on(browser), 502, "oidc-provider-failed")
    idp.userinfo["sub"] = "ada-1"
    assert (await me(browser, await sign_on(browser)))["email"] == EMAIL


async def test_whoever_is_known_by_subject_comes_in_whatever_their_address_is_now(browser, idp):
    assert (await sign_on(browser)).status_code == 200
    idp.claims |= {"email": "lovelace@example.com", "email_verified": False}
    assert (await me(browser, await sign_on(browser)))["email"] == EMAIL


async def test_an_account_is_made_where_registration_is_open_or_single_sign_on_may(settings, idp):
    for registration, oidc_registration, status in (
        ("closed", False, 403),
        ("closed", True, 200),
        ("open", False, 200),
    ):
        idp.claims |= {"sub": registration, "email": f"{registration}-{oidc_registration}@example.com"}
        chosen = changed(settings, registration=registration, oidc_registration=oidc_registration)
        async with running_app(chosen) as app, client_of(app) as browser:
            answer = await sign_on(browser)
            assert answer.status_code == status, answer.text
            if status == 403:
                assert_problem(answer, 403, "registration-closed")


async def test_fifty_first_logins_at_once_make_one_account(app, idp, database):
    async def first() -> int:
        async with client_of(app) as browser:
            return (await sign_on(browser)).status_code

    assert Counter(await asyncio.gather(*(first() for _ in range(50)))) == {200: 50}
    async with database.driver_connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM users") == 1
        assert await connection.fetchval("SELECT count(*) FROM oidc_identities") == 1
        assert await connection.fetchval("SELECT count(*) FROM sessions") == 50


async def test_a_known_address_is_refused_clearly_unless_a_setting_links_it(app, browser, database):
    ada = await register(browser)
    answer = await sign_on(browser)
    assert_problem(answer, 409, "email-has-account")
    assert (await browser.get(ME, headers=ada.headers)).status_code == 200
    async with database.driver_connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM oidc_identities") == 0


async def test_linking_gives_the_account_to_the_owner_of_the_address_and_to_nobody_else(settings, idp):
    """Who registers a stranger's address, and waits for them with a password, a login and a key, has nothing of it."""
    async with running_app(changed(settings, oidc_link_by_email=True)) as app, client_of(app) as browser:
        thief = await register(browser)
        key = (await thief.create_key("links:write"))["key"]
        assert (await browser.get(ME, headers={"X-API-Key": key})).status_code == 200
        answer = await sign_on(browser)
        owner = await me(browser, answer)
        assert owner["email"] == EMAIL
        for headers in (thief.headers, {"X-API-Key": key}):
            assert (await browser.get(ME, headers=headers)).status_code == 401
        assert (await refresh(browser, thief.refresh)).status_code == 401
        assert (await log_in(browser)).status_code == 401
        # Linked once, a further login ends nothing.
        headers = bearer(answer.json()["access_token"])
        again = await browser.post(KEYS, json={"name": "ci", "scopes": ["links:read"]}, headers=headers)
        assert (await sign_on(browser)).status_code == 200
        assert (await browser.get(ME, headers={"X-API-Key": again.json()["key"]})).status_code == 200
        # The address went to somebody else at the provider.
        idp.claims |= {"sub": "ada-2"}
        assert_problem(await sign_on(browser), 409, "email-has-account")


async def test_an_unverified_address_links_nothing(settings, idp):
    idp.claims |= {"email_verified": False}
    async with running_app(changed(settings, oidc_link_by_email=True)) as app, client_of(app) as browser:
        await register(browser)
        assert_problem(await sign_on(browser), 403, "oidc-email-unverified")
        assert (await log_in(browser)).status_code == 200


async def test_the_same_subject_at_another_issuer_is_somebody_else(settings, idp, browser):
    assert (await sign_on(browser)).status_code == 200
    with providing() as other:
        other.claims |= {"email": "eve@example.com"}
        async with running_app(changed(settings, oidc_issuer=other.issuer)) as app, client_of(app) as browser:
            assert (await me(browser, await sign_on(browser)))["email"] == "eve@example.com"


async def test_disabled_users_stay_out(settings, browser, idp):
    assert (await sign_on(browser)).status_code == 200
    await set_disabled(settings, EMAIL, is_disabled=True)
    assert_problem(await sign_on(browser), 403, "account-disabled")
    await commands.create_user(settings, "eve@example.com", OTHER_PASSWORD, is_admin=False)
    await set_disabled(settings, "eve@example.com", is_disabled=True)
    idp.claims |= {"sub": "eve-1", "email": "eve@example.com"}
    async with running_app(changed(settings, oidc_link_by_email=True)) as app, client_of(app) as other:
        assert_problem(await sign_on(other), 403, "account-disabled")
    await set_disabled(settings, "eve@example.com", is_disabled=False)
    async with client_of(app) as other:
        assert (await log_in(browser, "eve@example.com", OTHER_PASSWORD)).status_code == 200


async def test_a_password_is_of_no_use_for_an_account_of_single_sign_on(browser):
    assert (await sign_on(browser)).status_code == 200
    assert_problem(await log_in(browser, EMAIL, PASSWORD), 401, "invalid-login")


async def test_who_has_no_password_deletes_their_account_with_a_fresh_login_only(settings, browser, database):
    old = (await sign_on(browser)).json()
    assert (await browser.get(ME, headers=bearer(old["access_token"]))).json()["has_password"] is False
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    answer = await browser.post(f"{ME}/password", json=body, headers=bearer(old["access_token"]))
    assert_problem(answer, 409, "no-password")
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE sessions SET created_at = now() - interval '11 minutes'")
    refreshed = (await refresh(browser, old["refresh_token"])).json()
    fresh = (await sign_on(browser)).json()
    for tokens, sent, status in (
        (old, {}, 403),
        (refreshed, {}, 403),
        (refreshed, {"password": PASSWORD}, 403),
        (fresh, {}, 204),
        (fresh, {}, 401),
    ):
        answer = await browser.post(f"{ME}/delete", json=sent, headers=bearer(tokens["access_token"]))
        assert answer.status_code == status, answer.text
        if status == 403:
            assert_problem(answer, 403, "fresh-login-required")
    async with database.driver_connection() as connection:
        for table in ("users", "oidc_identities", "sessions"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
    # A deleted user who comes back is new.
    assert (await sign_on(browser)).status_code == 200


async def test_an_operator_gives_an_account_of_single_sign_on_a_password(settings, browser):
    assert (await sign_on(browser)).status_code == 200
    await commands.reset_password(settings, EMAIL, PASSWORD)
    headers = bearer((await log_in(browser)).json()["access_token"])
    assert (await browser.get(ME, headers=headers)).json()["has_password"] is True
    assert_problem(await browser.post(f"{ME}/delete", json={}, headers=headers), 403, "wrong-password")
    answer = await browser.post(f"{ME}/delete", json={"password": PASSWORD}, headers=headers)
    assert answer.status_code == 204
