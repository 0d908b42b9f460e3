"""A provider that is slow, away, or another than it says, and the settings that name one."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
from joserfc import jwt
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from shortener.accounts.oidc import exchange
from shortener.accounts.oidc import provider as provider_module
from shortener.accounts.oidc.parts import SINGLE_SIGN_ON
from shortener.settings import load_settings
from shortener.settings.source import SettingsError
from tests.accounts.conftest import EMAIL, register
from tests.accounts.oidc.conftest import CALLBACK, LOGIN, at_provider, begin, me, sign_on
from tests.accounts.oidc.provider import OTHER_RSA_KEY, RSA_KEY, OidcProvider, provider_process
from tests.conftest import changed, client_of, running_app
from tests.links.test_api import assert_problem


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """Seconds by which the provider's metadata and keys are older than they are."""
    ahead = [0.0]
    real = time.monotonic
    # In this module alone: the event loops have clocks of their own.
    shifted = SimpleNamespace(monotonic=lambda: real() + ahead[0], time=time.time)
    monkeypatch.setattr(provider_module, "time", shifted)
    return ahead


async def test_keys_rotate_and_are_read_again_for_an_unknown_one_but_not_each_time(browser, idp, clock):
    assert (await sign_on(browser)).status_code == 200
    clock[0] += provider_module.MIN_KEYS_AGE_S
    idp.keys = [OTHER_RSA_KEY, RSA_KEY]
    assert (await sign_on(browser)).status_code == 200
    assert idp.asked.count("/jwks") == 2
    idp.header = {"kid": "no such key"}
    for _ in range(5):
        assert_problem(await sign_on(browser), 502, "oidc-provider-failed")
    assert idp.asked.count("/jwks") == 2
    clock[0] += provider_module.MIN_KEYS_AGE_S
    for _ in range(5):
        assert_problem(await sign_on(browser), 502, "oidc-provider-failed")
    assert idp.asked.count("/jwks") == 3


async def test_a_key_that_the_provider_has_withdrawn_is_believed_for_an_hour_at_most(browser, idp, clock):
    assert (await sign_on(browser)).status_code == 200
    idp.sign = lambda header, claims: jwt.encode(header | {"kid": RSA_KEY.kid}, claims, RSA_KEY, ["RS256"])
    idp.keys = [OTHER_RSA_KEY]
    clock[0] += provider_module.KEYS_LIFETIME_S
    assert_problem(await sign_on(browser), 502, "oidc-provider-failed")


async def test_metadata_is_read_once_an_hour(browser, idp, clock):
    for _ in range(3):
        assert (await sign_on(browser)).status_code == 200
    assert idp.asked.count("/.well-known/openid-configuration") == 1
    clock[0] += provider_module.METADATA_LIFETIME_S
    assert (await sign_on(browser)).status_code == 200
    assert idp.asked.count("/.well-known/openid-configuration") == 2


async def test_a_provider_that_says_to_be_another_is_refused(browser, idp):
    for issuer in ("https://evil.example", f"{idp.issuer}/", None):
        idp.metadata = {"issuer": issuer}
        assert_problem(await browser.get(LOGIN), 502, "oidc-provider-failed")


@pytest.mark.parametrize(
    "url",
    ["http://evil.example/token", "file:///etc/passwd", "", None, 7, "https://u:p@evil.example/", "https://[", "//x"],
)
async def test_secrets_are_sent_by_tls_only(browser, idp, url):
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        idp.metadata = {name: url}
        assert_problem(await browser.get(LOGIN), 502, "oidc-provider-failed")


def endless(idp: OidcProvider) -> Response:
    async def go_on() -> AsyncIterator[bytes]:
        while not idp.going_on.is_set():
            yield b" " * 65536
            await asyncio.sleep(0.001)

    return StreamingResponse(go_on())


def dripping(idp: OidcProvider) -> Response:
    async def drip() -> AsyncIterator[bytes]:
        while not idp.going_on.is_set():
            yield b" "
            await asyncio.sleep(0.05)

    return StreamingResponse(drip())


ANSWERS = {
    "nothing": lambda: Response(b""),
    "no JSON": lambda: Response(b"<html>"),
    "no object": lambda: JSONResponse([]),
    "deep": lambda: Response(b"[" * 100_000),
    "a redirect": lambda: RedirectResponse("https://evil.example/"),
    "an error": lambda: JSONResponse({"error": "x"}, 400),
    "not text": lambda: Response(b"\xff\xfe"),
    "compressed": lambda: Response(b"x", headers={"Content-Encoding": "gzip"}),
}
PARTS = ("/.well-known/openid-configuration", "/token", "/jwks")


@pytest.mark.parametrize("part", PARTS)
async def test_an_answer_that_cannot_be_used_is_told_as_the_providers_fault(app, browser, idp, part):
    # Read to its end it would be a provider that is slow, and 503.
    for name, make in (ANSWERS | {"endless": lambda: endless(idp)}).items():
        back = await at_provider(await begin(browser))
        app.state.parts[SINGLE_SIGN_ON].provider._metadata_until_s = 0.0
        idp.answers = {part: make}
        answer = await browser.get(back)
        assert_problem(answer, 502, "oidc-provider-failed")
        assert "evil" not in answer.text, name
        idp.answers = {}


@pytest.mark.parametrize("part", PARTS)
async def test_a_provider_that_fails_or_is_slow_is_told_as_away(app, browser, idp, part, monkeypatch):
    for make in (lambda: Response(b"", 503), lambda: dripping(idp)):
        back = await at_provider(await begin(browser))
        app.state.parts[SINGLE_SIGN_ON].provider._metadata_until_s = 0.0
        idp.answers = {part: make}
        began_at_s = time.monotonic()
        with monkeypatch.context() as patch:
            patch.setattr(exchange, "TIMEOUT_S", 0.3)
            answer = await browser.get(back)
        assert_problem(answer, 503, "oidc-provider-unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert time.monotonic() - began_at_s < 3
        idp.answers = {}


async def test_a_provider_that_hangs_holds_up_many_no_longer_than_one(app, idp, monkeypatch):
    monkeypatch.setattr(exchange, "TIMEOUT_S", 1.0)
    idp.answers = {"/.well-known/openid-configuration": lambda: dripping(idp)}

    async def begin_in_vain() -> int:
        async with client_of(app) as browser:
            return (await browser.get(LOGIN)).status_code

    began_at_s = time.monotonic()
    assert Counter(await asyncio.gather(*(begin_in_vain() for _ in range(20)))) == {503: 20}
    assert time.monotonic() - began_at_s < 8
    idp.answers = {}
    async with client_of(app) as browser:
        assert (await sign_on(browser)).status_code == 200


async def test_a_provider_that_is_down_is_told_as_away_and_passwords_go_on(settings):
    away = changed(settings, oidc_issuer="http://127.0.0.1:1")
    async with running_app(away) as app, client_of(app) as client:
        assert_problem(await client.get(LOGIN), 503, "oidc-provider-unavailable")
        await register(client)


async def test_a_provider_may_want_the_secret_in_the_form_or_none_at_all(settings, idp):
    idp.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    async with running_app(settings) as app, client_of(app) as browser:
        assert (await sign_on(browser)).status_code == 200
    idp.secret = None
    async with running_app(changed(settings, oidc_client_secret="")) as app, client_of(app) as browser:
        assert (await sign_on(browser)).status_code == 200


async def test_a_secret_that_the_provider_does_not_know_is_the_operators_fault(settings):
    async with running_app(changed(settings, oidc_client_secret="wrong")) as app, client_of(app) as browser:
        assert_problem(await sign_on(browser), 502, "oidc-provider-failed")


async def test_without_a_provider_there_is_no_single_sign_on(settings):
    async with running_app(changed(settings, oidc_issuer="")) as app, client_of(app) as client:
        for path in (LOGIN, CALLBACK):
            assert_problem(await client.get(path), 404, "oidc-not-configured")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("oidc_issuer", "http://id.example.com"),
        ("oidc_issuer", "id.example.com"),
        ("oidc_issuer", "https://user:password@id.example.com"),
        ("oidc_issuer", "https://id.example.com?x=1"),
        ("oidc_client_id", ""),
        ("oidc_scopes", "email"),
    ],
)
def test_settings_that_cannot_work_are_refused(name, value):
    with pytest.raises(SettingsError, match=f"SHORTENER_{name.upper()}: "):
        load_settings(**{"oidc_issuer": "https://id.example.com", "oidc_client_id": "x", name: value})


async def test_a_provider_that_is_a_process_of_its_own_lets_people_in_until_it_is_killed(settings):
    with provider_process() as (issuer, process):
        async with running_app(changed(settings, oidc_issuer=issuer)) as app, client_of(app) as browser:
            assert (await me(browser, await sign_on(browser)))["email"] == EMAIL
            back = await at_provider(await begin(browser))
            process.kill()
            process.wait()
            assert_problem(await browser.get(back), 503, "oidc-provider-unavailable")
