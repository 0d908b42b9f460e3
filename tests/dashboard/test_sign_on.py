"""Single sign-on in a browser, logins that end while a form is open, and waiting."""

import re

import httpx
import pytest

from tests.accounts.conftest import EMAIL, OTHER_PASSWORD, PASSWORD, register
from tests.accounts.oidc.conftest import at_provider, idp  # noqa: F401  (a fixture)
from tests.accounts.oidc.provider import CLIENT_ID, CLIENT_SECRET, OidcProvider
from tests.conftest import changed, client_of, running_app
from tests.dashboard.conftest import OWN, log_in
from tests.dashboard.test_in_browser import watched
from tests.serving import PATIENCE_S, serving

CLOSED = {"anonymous_links": False, "anonymous_manage": False}


@pytest.fixture
def trusting(settings, idp: OidcProvider):  # noqa: F811
    """Settings that name a provider."""
    return changed(
        settings,
        oidc_issuer=idp.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_name="Acme",
        oidc_registration=True,
        **CLOSED,
    )


async def test_who_logs_in_at_the_provider_comes_back_to_the_page_that_they_wanted(trusting):
    async with running_app(trusting) as app, client_of(app, headers=OWN) as client:
        door = await client.get("/-/login?next=/-/keys")
        assert "Log in with Acme" in door.text
        link = re.search(r'href="(/-/login/sso[^"]*)"', door.text)[1].replace("&amp;", "&")
        begun = await client.get(link)
        answer = await client.get(await at_provider(begun.headers["location"]))
        assert (answer.status_code, answer.headers["location"]) == (303, "/-/keys")
        assert "access_token" not in answer.text
        assert (await client.get("/-/keys")).status_code == 200
        account = await client.get("/-/account")
        assert "You log in with Acme" in account.text


async def test_a_login_that_the_provider_refuses_is_explained_at_the_door(trusting, idp):  # noqa: F811
    async with running_app(trusting) as app, client_of(app, headers=OWN) as client:
        begun = (await client.get("/-/login/sso?next=/-/keys")).headers["location"]
        state = re.search(r"state=([^&]+)", begun)[1]
        query = {"state": state, "error": "access_denied", "iss": idp.issuer}
        answer = await client.get("/api/v1/auth/oidc/callback", params=query)
        assert answer.headers["location"] == "/-/login?refused=oidc-login-refused&next=%2F-%2Fkeys"
        assert "has not logged you in" in (await client.get(answer.headers["location"])).text


async def test_there_is_no_single_sign_on_without_a_provider(visitor):
    assert (await visitor.get("/-/login/sso")).status_code == 404
    assert "/-/login/sso" not in (await visitor.get("/-/login")).text


async def test_a_single_sign_on_leads_to_no_other_site(trusting):
    async with running_app(trusting) as app, client_of(app, headers=OWN) as client:
        begun = await client.get("/-/login/sso?next=https://evil.example/")
        answer = await client.get(await at_provider(begun.headers["location"]))
        assert answer.headers["location"] == "/-/"


async def test_single_sign_on_works_under_the_form_action_policy(browser, trusting):
    with serving(changed(trusting, base_url="http://127.0.0.1")) as site:
        async with watched(browser) as page:
            await page.goto(f"{site}/-/keys")
            await page.click("text=Log in with Acme")
            await page.wait_for_url(f"{site}/-/keys")


async def test_a_session_that_ends_while_a_form_is_open_loses_nothing_that_was_typed(ada):
    await ada.post("/-/logout")
    typed = {"url": "https://example.com/", "code": "kept", "title": 'Line "one"', "is_whole": "1"}
    asked = await ada.post("/-/new", data=typed)
    assert asked.status_code == 401
    assert "content-encoding" not in asked.headers
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', asked.text))
    fields = {name: value.replace("&#34;", '"') for name, value in fields.items()}
    wrong = await log_in(ada, EMAIL, OTHER_PASSWORD, **fields)
    assert "Email or password is wrong." in wrong.text
    assert 'name="again.code" value="kept"' in wrong.text
    back = await log_in(ada, EMAIL, PASSWORD, **fields)
    assert 'action="/-/new"' in back.text
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', back.text))
    made = await ada.post("/-/new", data={name: value.replace("&#34;", '"') for name, value in fields.items()})
    assert made.status_code == 303, made.text
    assert "Line &#34;one&#34;" in (await ada.get("/-/links/kept")).text


async def test_a_script_that_asks_after_the_login_has_ended_gets_a_dialog_and_the_page_stays(ada):
    await ada.post("/-/logout")
    htmx = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Current-URL": "https://sho.rt/-/links?q=abc"}
    for ask in (
        ada.post("/-/links", data={"url": "https://example.com/"}, headers=htmx),
        ada.get("/-/links", headers=htmx),
    ):
        answer = await ask
        assert (answer.status_code, answer.headers["hx-retarget"]) == (401, "#door")
        assert "Your login has ended" in answer.text
        assert "hx-redirect" not in answer.headers


async def test_a_login_that_ends_while_somebody_types_is_asked_for_in_a_dialog_and_nothing_is_lost(browser, settings):
    closed = changed(settings, base_url="http://127.0.0.1", registration="open", **CLOSED)
    with serving(closed) as site:
        context = await browser.new_context()
        page = await context.new_page()
        with httpx.Client(base_url=site, timeout=PATIENCE_S) as client:
            client.post("/api/v1/auth/register", json={"email": EMAIL, "password": PASSWORD}).raise_for_status()
        await page.goto(f"{site}/-/login")
        await page.fill("#email", EMAIL)
        await page.fill("#password", PASSWORD)
        await page.keyboard.press("Enter")
        await page.fill("#url", "https://example.com/typed")
        await page.fill("#code", "typed")
        await context.clear_cookies()
        await page.press("#code", "Enter")
        await page.fill("#door-email", EMAIL)
        await page.fill("#door-password", OTHER_PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("text=Email or password is wrong.")
        assert await page.input_value("#door-email") == EMAIL
        assert await page.evaluate("document.activeElement.id") == "door-password"
        await page.fill("#door-password", PASSWORD)
        await page.keyboard.press("Enter")
        made = await page.wait_for_selector("[data-made]", state="attached")
        assert (await made.get_attribute("data-made")).endswith("/typed")
        assert await page.query_selector("[data-door]") is None
        # Whoever closes it keeps what was typed, and is asked again.
        await page.fill("#url", "https://example.com/again")
        await context.clear_cookies()
        await page.press("#url", "Enter")
        await page.wait_for_selector("[data-door][open]")
        await page.keyboard.press("Escape")
        assert await page.input_value("#url") == "https://example.com/again"
        await page.press("#url", "Enter")
        await page.wait_for_selector("[data-door][open]")
        await context.close()


async def test_what_was_typed_is_sent_to_no_other_site(visitor):
    for again in ("https://evil.example/", "/abc", "/-/login"):
        answer = await log_in(visitor, again=again, **{"again.url": "x"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/-/")
        await visitor.post("/-/logout")


async def test_whoever_has_to_wait_is_told_for_how_long(settings):
    limited = changed(settings, registration="open", limit_login="3/minute", limit_account="5/minute", **CLOSED)
    async with running_app(limited) as app, client_of(app, headers=OWN) as client:
        await register(client)
        await log_in(client)
        pages: list[httpx.Response] = [await client.get("/-/keys?x=1") for _ in range(8)]
        assert pages[-1].status_code == 429
        assert 'data-again="/-/keys?x=1"' in pages[-1].text
        assert re.search(r'data-countdown="\d+"', pages[-1].text)[0] != 'data-countdown="0"'
        answer = await client.post("/-/login", data={"email": EMAIL, "password": PASSWORD})
        assert "data-countdown" in answer.text
        assert "data-again" not in answer.text
