"""Access tokens: nothing is believed but what this service has signed, for this purpose, and lately."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from shortener.access.tokens import (
    ACCESS_LIFETIME_S,
    CLOCK_LEEWAY_S,
    Access,
    AccessTokens,
    InvalidToken,
    hash_secret,
    new_api_key,
    new_refresh_token,
)

ISSUER, SECRET, OTHER = "https://sho.rt", "s" * 32, "o" * 32
NOW = int(time.time())
SESSION = uuid.uuid4()

tokens = AccessTokens([SECRET], ISSUER)


def encode(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


GOOD = tokens.issue(7, SESSION, NOW)
HEADER, CLAIMS = (decode(part) for part in GOOD.split(".")[:2])


def signed(header: dict[str, Any], claims: Any, key: bytes | None = None, digest: str = "sha256") -> str:
    """A token signed with the service's own key, or with another."""
    content = f"{encode(header)}.{encode(claims)}"
    secret = key or tokens._keys.keys[0].raw_value
    return f"{content}.{encode(hmac.new(secret, content.encode(), digest).digest())}"


def refused(token: str, now_s: int = NOW) -> bool:
    try:
        tokens.read(token, now_s)
    except InvalidToken:
        return True
    return False


def test_a_token_says_who_and_which_session_for_ten_minutes():
    assert tokens.read(GOOD, NOW) == Access(7, SESSION, NOW + ACCESS_LIFETIME_S)
    assert signed(HEADER, CLAIMS) == GOOD, "these tests sign as the service does"
    assert CLAIMS.keys() == {"iss", "aud", "sub", "sid", "jti", "iat", "exp"}
    assert tokens.issue(7, SESSION, NOW) != GOOD


def test_a_token_ends_to_the_second_and_begins_with_a_little_leeway():
    assert not refused(GOOD, NOW + ACCESS_LIFETIME_S - 1)
    assert refused(GOOD, NOW + ACCESS_LIFETIME_S)
    assert not refused(GOOD, NOW - CLOCK_LEEWAY_S)
    assert refused(GOOD, NOW - CLOCK_LEEWAY_S - 1)


PUBLIC_KEY = RSAKey.generate_key(2048)
PEM = PUBLIC_KEY.public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

HEADERS = {
    "no algorithm": HEADER | {"alg": "none"},
    "no algorithm, in capitals": HEADER | {"alg": "None"},
    "another size": HEADER | {"alg": "HS512"},
    "a public key's": HEADER | {"alg": "RS256"},
    "an empty one": HEADER | {"alg": ""},
    "a list": HEADER | {"alg": ["HS256"]},
    "another type": HEADER | {"typ": "JWT"},
    "no type": {name: value for name, value in HEADER.items() if name != "typ"},
    "no key id": {name: value for name, value in HEADER.items() if name != "kid"},
    "an unknown key id": HEADER | {"kid": "0" * 16},
    "a path as key id": HEADER | {"kid": "../../dev/null"},
    "SQL as key id": HEADER | {"kid": "' UNION SELECT 'key"},
    "a list as key id": HEADER | {"kid": [HEADER["kid"]]},
    "null as key id": HEADER | {"kid": None},
    "a key of its own": HEADER | {"jwk": OctKey.import_key(b"k" * 32).as_dict()},
    "a key elsewhere": HEADER | {"jku": "https://evil.example/keys"},
    "a certificate elsewhere": HEADER | {"x5u": "https://evil.example/cert"},
    "something critical": HEADER | {"crit": ["exp"], "exp": 1},
    "an encoding of its own": HEADER | {"b64": False, "crit": ["b64"]},
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_header_that_is_not_ours_is_refused_although_the_signature_is_right(header):
    assert refused(signed(header, CLAIMS))
    content = f"{encode(header)}.{encode(CLAIMS)}"
    assert refused(f"{content}.")
    assert refused(content)
    assert refused(f"{content}.{GOOD.rpartition('.')[2]}")


CLAIM_CHANGES: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "ours among several issuers": {"iss": [ISSUER, "https://evil.example"]},
    "another audience": {"aud": ISSUER},
    "ours among several audiences": {"aud": [f"{ISSUER}/api", "https://evil.example"]},
    "another user's type": {"sub": 7},
    "a user that is not a number": {"sub": "admin"},
    "no session": {"sid": None},
    "not a session": {"sid": "1"},
    "expired": {"exp": NOW},
    "a time that is a text": {"exp": str(NOW + 600)},
    "a time that is endless": {"exp": 1e999},
    "a time that is true": {"exp": True},
    "issued in the future": {"iat": NOW + 3600},
    "not yet": {"nbf": NOW + 3600},
}


@pytest.mark.parametrize("change", CLAIM_CHANGES.values(), ids=CLAIM_CHANGES)
def test_claims_that_are_not_ours_are_refused_although_the_signature_is_right(change):
    assert refused(signed(HEADER, CLAIMS | change))


@pytest.mark.parametrize("missing", CLAIMS)
def test_each_claim_is_needed(missing):
    assert refused(signed(HEADER, {name: value for name, value in CLAIMS.items() if name != missing}))


@pytest.mark.parametrize("claims", [[], "x", 1, None, b"\xff", b"{"], ids=repr)
def test_claims_that_are_no_object_are_refused(claims):
    assert refused(signed(HEADER, claims))


def test_another_key_signs_nothing():
    for key in (b"", b"\0", SECRET.encode(), hashlib.sha256(SECRET.encode()).digest(), PEM):
        assert refused(signed(HEADER, CLAIMS, key or b"\0" * 32))
    assert refused(signed(HEADER, CLAIMS, digest="sha512"))
    assert refused(jwt.encode(HEADER | {"alg": "RS256"}, CLAIMS, PUBLIC_KEY, ["RS256"]))
    assert refused(AccessTokens([OTHER], ISSUER).issue(7, SESSION, NOW))


def test_a_changed_token_is_refused():
    header, _, signature = GOOD.split(".")
    assert refused(f"{header}.{encode(CLAIMS | {'sub': '1'})}.{signature}")
    for text in (
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        f"{GOOD}.",
        f"{GOOD}.x",
        GOOD[:-5],
        f" {GOOD}",
        "é.é.é",
        "\0",
        GOOD + "\n",
    ):
        assert refused(text), text


def test_keys_rotate():
    rotated = AccessTokens([OTHER, SECRET], ISSUER)
    assert rotated.read(GOOD, NOW).user_id == 7
    new = rotated.issue(8, SESSION, NOW)
    assert decode(new.partition(".")[0])["kid"] != HEADER["kid"]
    assert refused(new), "a process with the old settings does not know the new key"
    with pytest.raises(InvalidToken):
        AccessTokens([OTHER], ISSUER).read(GOOD, NOW)
    # The id of one key with the signature of another.
    assert refused(signed(HEADER, CLAIMS, rotated._keys.keys[0].raw_value))


def test_secrets_are_long_differ_and_are_known_again_by_their_beginning():
    keys = {new_api_key() for _ in range(100)}
    assert len(keys) == 100
    for key, prefix in keys:
        assert key.startswith(f"{prefix}_")
        assert prefix.startswith("shr_")
        secret = key.removeprefix(f"{prefix}_")
        assert secret.isalnum()
        assert 62 ** len(secret) > 2**256
    assert new_refresh_token() != new_refresh_token()
    assert hash_secret("a") == hashlib.sha256(b"a").digest()
