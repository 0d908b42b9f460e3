"""An ID token is believed when the provider has signed it for this service and this login, and never else."""

import hashlib
import hmac
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from joserfc import jwt

from shortener.accounts.oidc.parts import SINGLE_SIGN_ON
from tests.accounts.oidc.conftest import sign_on
from tests.accounts.oidc.provider import CLIENT_ID, CLIENT_SECRET, EC_KEY, OTHER_RSA_KEY, RSA_KEY, encoded
from tests.links.test_api import assert_problem


async def test_keys_of_both_kinds_verify(app, browser, idp):
    for key, algorithm in ((RSA_KEY, "RS256"), (RSA_KEY, "PS256"), (EC_KEY, "ES256")):
        idp.keys, idp.algorithm = [key], algorithm
        # Another key at another time is what the next test is about.
        app.state.parts[SINGLE_SIGN_ON].provider._keys_read_at_s = float("-inf")
        assert (await sign_on(browser)).status_code == 200, algorithm


async def test_a_key_without_an_id_verifies_when_there_is_one_only(browser, idp):
    idp.header = {"kid": None}
    assert (await sign_on(browser)).status_code == 200


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
    "claims that are not an object": lambda header, claims: unsigned(header, [claims]),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_a_token_that_the_provider_has_not_signed_is_refused(browser, idp, forge):
    idp.sign = forge
    assert_problem(await sign_on(browser), 502, "oidc-provider-failed")
