"""Single sign-on leaves an entry of each account that it makes, links or takes over, and of each login and refusal."""

import httpx
import pytest

from shortener.moderation.commands import set_disabled
from tests.accounts.conftest import EMAIL
from tests.accounts.oidc.conftest import CALLBACK, at_provider, begin, sign_on
from tests.accounts.oidc.provider import CLIENT_ID, CLIENT_SECRET, providing
from tests.audit.test_actions import ANONYMOUS, id_of, log_of, session_of, since
from tests.conftest import changed


@pytest.fixture
def settings(settings):
    with providing() as idp:
        yield changed(
            settings,
            oidc_issuer=idp.issuer,
            oidc_client_id=CLIENT_ID,
            oidc_client_secret=CLIENT_SECRET,
            oidc_link_by_email=True,
        )


async def test_who_comes_for_the_first_time_is_recorded_with_account_identity_and_login(client, database):
    assert (await sign_on(client)).status_code == 200
    user = await id_of(database)
    by = (user, await session_of(database), "203.0.113.0/24")
    assert await log_of(database) == [
        ("user.created", *ANONYMOUS, user, {"admin": False}),
        ("identity.linked", *ANONYMOUS, user, {"taken_over": False}),
        ("login.succeeded", *by, user, {}),
    ]


async def test_an_account_that_is_taken_over_is_recorded_with_what_ends(client, database, ada):
    user = await id_of(database)
    key = await ada.create_key()
    count = len(await log_of(database))
    assert (await sign_on(client)).status_code == 200
    *taken, (action, actor, *_) = await since(database, count)
    assert taken == [
        ("password.changed", *ANONYMOUS, user, {}),
        ("key.revoked", *ANONYMOUS, f"key:{key['id']}", {"user": user}),
        ("identity.linked", *ANONYMOUS, user, {"taken_over": True}),
    ]
    assert (action, actor) == ("login.succeeded", user)


async def test_refusals_are_recorded_with_the_account_if_there_is_one(client, settings, database):
    async def refused(answer: httpx.Response) -> tuple[int, str | None, str]:
        *_, (action, *_, target, details) = await log_of(database)
        assert action == "login.refused"
        return answer.status_code, target, details["reason"]

    assert (await sign_on(client)).status_code == 200
    user = await id_of(database)
    await set_disabled(settings, EMAIL, is_disabled=True)
    assert await refused(await sign_on(client)) == (403, user, "account-disabled")
    assert await refused(await client.get(f"{CALLBACK}?state=x&code=y")) == (400, None, "invalid-oidc-login")
    path = await at_provider(await begin(client))
    error = path.replace("code=", "error=access_denied&unused=")
    assert await refused(await client.get(error)) == (403, None, "oidc-login-refused")
