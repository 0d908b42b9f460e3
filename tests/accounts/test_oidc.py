"""Single sign-on: nobody comes in but who the provider has just logged in, in this browser and for this service."""

import asyncio
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from fastapi import FastAPI
from joserfc import jwt
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from shortener.accounts import commands
from shortener.accounts.oidc import exchange, flow
from shortener.accounts.oidc import provider as provider_module
from shortener.clicks.stream import ClickStream, Sealer
from shortener.settings import Settings, SettingsError, load_settings
from tests.accounts.conftest import (
    AUTH,
    EMAIL,
    KEYS,
    ME,
    OTHER_PASSWORD,
    PASSWORD,
    bearer,
    log_in,
    refresh,
    register,
    two_processes,
)
from tests.accounts.oidc_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    EC_KEY,
    OTHER_RSA_KEY,
    RSA_KEY,
    OidcProvider,
    encoded,
    provider_process,
    providing,
)
from tests.conftest import SECRET, changed, client_of, running_app
from tests.links.test_api import assert_problem
from workers.upkeep import forget

LOGIN, CALLBACK = f"{AUTH}/oidc/login", f"{AUTH}/oidc/callback"


@pytest.fixture
def idp() -> Iterator[OidcProvider]:
    with providing() as found:
        yield found


@pytest.fixture
def settings(settings: Settings, idp: OidcProvider) -> Settings:
    return changed(
        settings, oidc_issuer=idp.issuer, oidc_client_id=CLIENT_ID, oidc_client_secret=CLIENT_SECRET, oidc_name="Acme"
    )


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as found:
        yield found


async def begin(browser: httpx.AsyncClient) -> str:
    """The address at the provider to which a login leads."""
    answer = await browser.get(LOGIN)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def at_provider(url: str) -> str:
    """Log in there: the path that leads back."""
    async with httpx.AsyncClient() as client:
        back = (await client.get(url)).headers["location"]
    assert back.startswith(f"https://sho.rt{CALLBACK}?")
    return back.removeprefix("https://sho.rt")


async def sign_on(browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.get(await at_provider(await begin(browser)))


async def me(client: httpx.AsyncClient, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = (await client.get(ME, headers=bearer(answer.json()["access_token"]))).json()
    return found


async def test_who_logs_in_at_the_provider_gets_the_tokens_of_a_login(browser, database):
    answer = await sign_on(browser)
    assert answer.json().keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert answer.headers["cache-control"] == "no-store"
    assert "location" not in answer.headers
    assert (await me(browser, answer))["email"] == EMAIL
    assert (await refresh(browser, answer.json()["refresh_token"])).status_code == 200
    again = await sign_on(browser)
    assert (await me(browser, again))["email"] == EMAIL
    async with database.driver_connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM users") == 1
        assert await connection.fetchval("SELECT count(*) FROM sessions") == 2
        assert await connection.fetchval("SELECT password_hash IS NULL FROM users")


async def test_a_provider_that_is_a_process_of_its_own_lets_people_in_until_it_is_killed(settings):
    with provider_process() as (issuer, process):
        async with running_app(changed(settings, oidc_issuer=issuer)) as app, client_of(app) as browser:
            assert (await me(browser, await sign_on(browser)))["email"] == EMAIL
            back = await at_provider(await begin(browser))
            process.kill()
            process.wait()
            assert_problem(await browser.get(back), 503, "oidc-provider-unavailable")


async def test_the_provider_is_asked_for_a_code_with_proof_state_and_nonce(browser, settings, idp):
    one, two = [parse_qs(urlsplit(await begin(browser)).query) for _ in range(2)]
    secret = {"state", "nonce", "code_challenge"}
    assert {name: value for name, (value,) in one.items() if name not in secret} == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": f"{settings.base_url}{CALLBACK}",
        "scope": "openid email",
        "code_challenge_method": "S256",
    }
    for name in secret:
        assert len(one[name][0]) == 43
        assert one[name] != two[name]


@pytest.mark.parametrize(("scheme", "is_by_tls"), [("https", True), ("http", False)])
async def test_the_cookie_of_a_login_is_short_lived_sealed_and_for_this_host_alone(settings, scheme, is_by_tls):
    plain = changed(settings, base_url=f"{scheme}://sho.rt")
    async with running_app(plain) as app, client_of(app) as browser:
        answer = await browser.get(LOGIN)
    (cookie,) = answer.headers.get_list("set-cookie")
    name, *attributes = cookie.split("; ")
    expected = {"HttpOnly", "Max-Age=600", "SameSite=lax"}
    if is_by_tls:
        assert name.startswith("__Host-shortener-oidc=")
        assert set(attributes) == expected | {"Path=/", "Secure"}
    else:
        assert name.startswith("shortener-oidc=")
        assert set(attributes) == expected | {"Path=/api/v1/auth/oidc"}
    sealed = bytes.fromhex(name.partition("=")[2])
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    for secret in (query["state"][0], query["nonce"][0]):
        assert secret.encode() not in sealed
    assert answer.headers["cache-control"] == "no-store"


async def test_the_addresses_do_not_come_from_the_host_header(app, settings):
    async with client_of(app, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}) as browser:
        assert "evil" not in await begin(browser)


async def test_an_answer_counts_only_in_the_browser_that_began(app, idp, browser):
    """Also the attack by which somebody else's login is put into a browser."""
    back = await at_provider(await begin(browser))
    async with client_of(app) as other:
        assert_problem(await other.get(back), 400, "invalid-oidc-login")
        await begin(other)
        assert_problem(await other.get(back), 400, "invalid-oidc-login")
    assert "/token" not in idp.asked
    assert (await browser.get(back)).status_code == 200


@pytest.mark.parametrize("state", [None, "", "x", "é", "\0", "\ud800", "a" * 43], ids=repr)
async def test_another_state_is_refused(browser, idp, state):
    await begin(browser)
    params = {"code": "x", "iss": idp.issuer} | (
        {} if state is None else {"state": state.encode(errors="surrogatepass")}
    )
    assert_problem(await browser.get(CALLBACK, params=params), 400, "invalid-oidc-login")
    assert "/token" not in idp.asked


@pytest.mark.parametrize("cookie", ["", "x", "00", "00" * 11, "00" * 28, "é", "00" * 3000], ids=lambda text: text[:30])
async def test_a_cookie_that_is_not_ours_is_refused(browser, cookie):
    back = await at_provider(await begin(browser))
    browser.cookies.clear()
    answer = await browser.get(back, headers={"Cookie": f"__Host-shortener-oidc={cookie}".encode()})
    assert_problem(answer, 400, "invalid-oidc-login")


async def test_a_cookie_of_other_settings_opens_nothing(settings, idp):
    sealer = flow.FlowSealer("s" * 32, idp.issuer, CLIENT_ID)
    begun, cookie = sealer.begin()
    assert sealer.open(cookie, begun.state) == begun
    for other in (
        ("x" * 32, idp.issuer, CLIENT_ID),
        ("s" * 32, "https://x.example", CLIENT_ID),
        ("s" * 32, idp.issuer, "x"),
    ):
        assert flow.FlowSealer(*other).open(cookie, begun.state) is None
    changed_box = bytearray(bytes.fromhex(cookie))
    changed_box[20] ^= 1
    assert sealer.open(changed_box.hex(), begun.state) is None


async def test_a_login_has_ten_minutes(browser, monkeypatch):
    back = await at_provider(await begin(browser))
    now_s = time.time()
    monkeypatch.setattr(flow.time, "time", lambda: now_s + flow.LIFETIME_S + 1)
    assert_problem(await browser.get(back), 400, "invalid-oidc-login")


async def test_a_login_ends_once_also_in_a_race_and_in_two_processes(settings, idp):
    async with two_processes(settings) as two:
        back = await at_provider(await begin(two.one))
        two.other.cookies = two.one.cookies
        answers = await asyncio.gather(*(browser.get(back) for browser in (two.one, two.other) * 5))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 9}
        assert_problem(await two.one.get(back), 400, "invalid-oidc-login")
    assert idp.asked.count("/token") == 1


async def test_a_code_works_once_and_only_with_the_proof_of_its_own_login(browser, idp):
    """A code that was stolen, put into a login of the thief's own."""
    stolen = parse_qs(urlsplit(await at_provider(await begin(browser))).query)["code"][0]
    own = parse_qs(urlsplit(await begin(browser)).query)["state"][0]
    answer = await browser.get(CALLBACK, params={"code": stolen, "state": own, "iss": idp.issuer})
    assert_problem(answer, 403, "oidc-login-refused")
    assert (await sign_on(browser)).status_code == 200


async def test_what_another_provider_answers_is_refused(browser, idp):
    """Mix-up: an answer that does not say, or says otherwise, whose it is."""
    for issuer in (None, "https://evil.example", f"{idp.issuer}/"):
        idp.answer_with_issuer = issuer
        assert_problem(await sign_on(browser), 400, "invalid-oidc-login")
    assert "/token" not in idp.asked


async def test_a_provider_that_does_not_name_itself_in_answers_need_not(browser, idp):
    idp.metadata = {"authorization_response_iss_parameter_supported": False}
    idp.answer_with_issuer = None
    assert (await sign_on(browser)).status_code == 200
    idp.answer_with_issuer = "https://evil.example"
    assert_problem(await sign_on(browser), 400, "invalid-oidc-login")


async def test_a_login_that_the_provider_refuses_is_refused_in_words_of_ours(browser, idp):
    for error, told in (("access_denied", True), ("<script>", False), ("x\r\ny", False), ("a" * 500, False)):
        idp.authorization_error = error
        answer = await sign_on(browser)
        assert_problem(answer, 403, "oidc-login-refused")
        assert (error in answer.json()["detail"]) == told
    assert_problem(await browser.get(f"{CALLBACK}?error={'x' * 5000}"), 422, "invalid-request")


async def test_keys_of_both_kinds_verify(app, browser, idp):
    for key, algorithm in ((RSA_KEY, "RS256"), (RSA_KEY, "PS256"), (EC_KEY, "ES256")):
        idp.keys, idp.algorithm = [key], algorithm
        # Another key at another time is what the next test is about.
        app.state.single_sign_on.provider._keys_read_at_s = float("-inf")
        assert (await sign_on(browser)).status_code == 200, algorithm


async def test_a_key_without_an_id_verifies_when_there_is_one_only(browser, idp):
    idp.header = {"kid": None}
    assert (await sign_on(browser)).status_code == 200


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


NOW = int(time.time())
CLAIMS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "the issuer with a slash": {"iss": "slash"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "another client"},
    "no audience": {"aud": None},
    "others' audiences": {"aud": ["x", "y"]},
    "several audiences and nobody authorized": {"aud": [CLIENT_ID, "x"]},
    "several audiences and another authorized": {"aud": [CLIENT_ID, "x"], "azp": "x"},
    "another authorized": {"azp": "x"},
    "expired": {"exp": NOW - 3600},
    "no expiry": {"exp": None},
    "an expiry that is a text": {"exp": str(NOW + 300)},
    "an expiry that is true": {"exp": True},
    "issued in the future": {"iat": NOW + 3600},
    "no time of issue": {"iat": None},
    "not yet": {"nbf": NOW + 3600},
    "another nonce": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "a list of nonces": {"nonce": ["x"]},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is a number": {"sub": 7},
    "an endless subject": {"sub": "x" * 256},
    "a subject with a line break": {"sub": "a\nb"},
    "another access token's": {"at_hash": "x"},
}


@pytest.mark.parametrize("change", CLAIMS.values(), ids=CLAIMS)
async def test_claims_that_are_wrong_are_refused_although_the_signature_is_right(browser, idp, change, database):
    idp.claims |= {name: f"{idp.issuer}/" if value == "slash" else value for name, value in change.items()}
    assert_problem(await sign_on(browser), 502, "oidc-provider-failed")
    async with database.driver_connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM users") == 0


async def test_several_audiences_with_this_client_authorized_are_taken(browser, idp):
    idp.claims |= {"aud": [CLIENT_ID, "x"], "azp": CLIENT_ID}
    assert (await sign_on(browser)).status_code == 200
    idp.claims |= {"aud": [CLIENT_ID], "azp": None}
    assert (await sign_on(browser)).status_code == 200


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{encoded(header)}.{encoded(claims)}."


def signed_with_the_public_key(header: dict[str, Any], claims: dict[str, Any]) -> str:
    pem = RSA_KEY.public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    content = f"{encoded(header | {'alg': 'HS256'})}.{encoded(claims)}"
    return f"{content}.{encoded(hmac.new(pem, content.encode(), hashlib.sha256).digest())}"


def signed_with_the_client_secret(header: dict[str, Any], claims: dict[str, Any]) -> str:
    content = f"{encoded(header | {'alg': 'HS256'})}.{encoded(claims)}"
    return f"{content}.{encoded(hmac.new(CLIENT_SECRET.encode(), content.encode(), hashlib.sha256).digest())}"


def signed_by_another_key(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return jwt.encode(header, claims, OTHER_RSA_KEY, ["RS256"])


def with_a_key_of_its_own(header: dict[str, Any], claims: dict[str, Any]) -> str:
    own = {"jwk": OTHER_RSA_KEY.as_dict(private=False)}
    return jwt.encode(header | own, claims, OTHER_RSA_KEY, ["RS256"])


def changed_after_signing(header: dict[str, Any], claims: dict[str, Any]) -> str:
    head, _, signature = jwt.encode(header, claims, RSA_KEY, ["RS256"]).split(".")
    return f"{head}.{encoded(claims | {'sub': 'eve'})}.{signature}"


def of_another_size(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return jwt.encode(header | {"alg": "RS512"}, claims, RSA_KEY, ["RS512"])


FORGERIES = {
    "alg none": lambda header, claims: unsigned(header | {"alg": "none"}, claims),
    "alg None": lambda header, claims: unsigned(header | {"alg": "None"}, claims),
    "no alg": lambda header, claims: unsigned({}, claims),
    "a list as alg": lambda header, claims: unsigned(header | {"alg": ["RS256"]}, claims),
    "RS256 unsigned": unsigned,
    "HS256 with the public key": signed_with_the_public_key,
    "HS256 with the client secret": signed_with_the_client_secret,
    "another key": signed_by_another_key,
    "a key of its own": with_a_key_of_its_own,
    "changed after signing": changed_after_signing,
    "an algorithm that is not on the list": of_another_size,
    "no token": lambda header, claims: "",
    "no JWT": lambda header, claims: "a.b.c",
    "an endless one": lambda header, claims: "a" * 100_000,
    "claims that are no object": lambda header, claims: unsigned(header, [claims]),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_a_token_that_the_provider_has_not_signed_is_refused(browser, idp, forge):
    idp.sign = forge
    assert_problem(await sign_on(browser), 502, "oidc-provider-failed")


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
        app.state.single_sign_on.provider._metadata_until_s = 0.0
        idp.answers = {part: make}
        answer = await browser.get(back)
        assert_problem(answer, 502, "oidc-provider-failed")
        assert "evil" not in answer.text, name
        idp.answers = {}


@pytest.mark.parametrize("part", PARTS)
async def test_a_provider_that_fails_or_is_slow_is_told_as_away(app, browser, idp, part, monkeypatch):
    for make in (lambda: Response(b"", 503), lambda: dripping(idp)):
        back = await at_provider(await begin(browser))
        app.state.single_sign_on.provider._metadata_until_s = 0.0
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
    await commands.set_disabled(settings, EMAIL, is_disabled=True)
    assert_problem(await sign_on(browser), 403, "account-disabled")
    await commands.create_user(settings, "eve@example.com", OTHER_PASSWORD, is_admin=False)
    await commands.set_disabled(settings, "eve@example.com", is_disabled=True)
    idp.claims |= {"sub": "eve-1", "email": "eve@example.com"}
    async with running_app(changed(settings, oidc_link_by_email=True)) as app, client_of(app) as other:
        assert_problem(await sign_on(other), 403, "account-disabled")
    await commands.set_disabled(settings, "eve@example.com", is_disabled=False)
    async with client_of(app) as other:
        assert (await log_in(browser, "eve@example.com", OTHER_PASSWORD)).status_code == 200


async def test_a_login_takes_over_no_session_and_no_token_that_was_there_before(browser, database):
    """Session fixation: whatever a browser brings along, its login has an id and tokens of its own."""
    eve = await register(browser, "eve@example.com")
    browser.cookies.set("session", "chosen")
    back = await at_provider(await begin(browser))
    answer = await browser.get(back, headers=eve.headers)
    assert (await me(browser, answer))["email"] == EMAIL
    cookies = answer.headers.get_list("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["__Host-shortener-oidc"]
    assert "Max-Age=0" in cookies[0]
    async with database.driver_connection() as connection:
        sessions = await connection.fetch("SELECT DISTINCT id, user_id FROM sessions")
    assert len(sessions) == len({row["user_id"] for row in sessions}) == 2
    assert (await browser.get(ME, headers=eve.headers)).json()["email"] == "eve@example.com"


async def test_logins_are_limited_per_client_and_per_account(settings):
    async with running_app(changed(settings, limit_login="4/minute")) as app:
        async with client_of(app) as browser:
            assert [(await browser.get(LOGIN)).status_code for _ in range(5)] == [302] * 4 + [429]
        statuses = []
        for n in range(5):
            async with client_of(app, f"198.51.100.{n}") as browser:
                statuses.append((await sign_on(browser)).status_code)
        assert statuses == [200] * 4 + [429]


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


async def test_what_is_secret_in_a_login_is_not_in_the_log(settings, idp, capfd):
    async with running_app(changed(settings, log_level="debug", access_log=True)) as app, client_of(app) as browser:
        url = await begin(browser)
        back = await at_provider(url)
        await browser.get(back)
        idp.sign = signed_by_another_key
        await sign_on(browser)
        idp.answers = {"/token": lambda: JSONResponse({"error": "x\nforged line"}, 400)}
        await sign_on(browser)
    lines = "".join(capfd.readouterr()).splitlines()
    logged = "\n".join(line for line in lines if '"httpx"' not in line and '"httpcore' not in line)
    assert '"oidc_provider"' in logged
    query = parse_qs(urlsplit(url).query) | parse_qs(urlsplit(back).query)
    for secret in (*query["state"], *query["nonce"], *query["code"], idp.access_token, CLIENT_SECRET, EMAIL, "forged"):
        assert secret not in logged


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


async def test_that_a_login_came_back_is_forgotten_once_it_cannot_come_again(browser, database, redis):
    assert (await sign_on(browser)).status_code == 200
    stream = ClickStream(redis, Sealer(SECRET))
    await stream.ensure_group()
    async with database.driver_connection() as connection:
        for left in (1, 0):
            await forget({"database": database, "stream": stream})
            assert await connection.fetchval("SELECT count(*) FROM oidc_used_states") == left
            await connection.execute("UPDATE oidc_used_states SET expires_at = now() - interval '1 second'")


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
    # Who comes back is new.
    assert (await sign_on(browser)).status_code == 200


async def test_an_operator_gives_an_account_of_single_sign_on_a_password(settings, browser):
    assert (await sign_on(browser)).status_code == 200
    await commands.reset_password(settings, EMAIL, PASSWORD)
    headers = bearer((await log_in(browser)).json()["access_token"])
    assert (await browser.get(ME, headers=headers)).json()["has_password"] is True
    assert_problem(await browser.post(f"{ME}/delete", json={}, headers=headers), 403, "wrong-password")
    answer = await browser.post(f"{ME}/delete", json={"password": PASSWORD}, headers=headers)
    assert answer.status_code == 204
