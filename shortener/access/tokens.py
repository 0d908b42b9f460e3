"""Credentials of clients: signed access tokens, and secrets of 256 random bits of which only the hash is stored."""

import hashlib
import secrets
import string
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey
from joserfc.jwt import JWTClaimsRegistry

ACCESS_LIFETIME_S = 600
# Allowed clock skew between two machines.
CLOCK_LEEWAY_S = 10
ALGORITHM = "HS256"
TYPE = "at+jwt"
API_KEY_PREFIX = "shr_"
REFRESH_PREFIX = "shrr_"
INVITATION_PREFIX = "shri_"
# Of the cookies of browsers. Requests to the API with such a secret are refused.
BROWSER_PREFIX = "shrs_"

# Word characters only, so that a double click selects the whole secret.
_ALPHABET = string.ascii_letters + string.digits
# 62^43 is more than 2^256.
_SECRET_LENGTH = 43
_MARK_LENGTH = 6
# Longer than any token of this service; longer ones are not hashed or decoded.
MAX_CREDENTIAL = 1024


class InvalidToken(Exception):
    """Not an access token of this service, or an expired one."""


class Access(NamedTuple):
    """The claims of an access token."""

    user_id: int
    session_id: uuid.UUID
    expires_at_s: int


class NewKey(NamedTuple):
    """An API key, which is shown once; its prefix may be shown again."""

    key: str
    prefix: str


def hash_secret(secret: str) -> bytes:
    """The hash that is stored of a secret. With 256 random bits, a slow hash would add no protection."""
    return hashlib.sha256(secret.encode()).digest()


def new_refresh_token() -> str:
    return REFRESH_PREFIX + _random(_SECRET_LENGTH)


def new_invitation_token() -> str:
    return INVITATION_PREFIX + _random(_SECRET_LENGTH)


def new_browser_secret() -> str:
    return BROWSER_PREFIX + _random(_SECRET_LENGTH)


def new_api_key() -> NewKey:
    prefix = API_KEY_PREFIX + _random(_MARK_LENGTH)
    return NewKey(f"{prefix}_{_random(_SECRET_LENGTH)}", prefix)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


class AccessTokens:
    """Signs with the first of these secrets, and accepts tokens that any of them has signed."""

    def __init__(self, secrets_: Sequence[str], issuer: str) -> None:
        self._keys = KeySet([_key(secret) for secret in secrets_])
        self._issuer = issuer
        self._audience = f"{issuer}/api"

    def issue(self, user_id: int, session_id: uuid.UUID, now_s: int) -> str:
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": self._keys.keys[0].kid}
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": secrets.token_urlsafe(16),
            "iat": now_s,
            "exp": now_s + ACCESS_LIFETIME_S,
        }
        return jwt.encode(header, claims, self._keys.keys[0], [ALGORITHM])

    def read(self, token: str, now_s: int) -> Access:
        """Raises InvalidToken."""
        try:
            decoded = jwt.decode(token, self._keys, [ALGORITHM])
            # Other members of a header (jku, jwk, x5u, crit, …) are not allowed.
            if decoded.header.keys() != {"alg", "typ", "kid"} or decoded.header["typ"] != TYPE:
                raise InvalidToken
            self._registry(now_s).validate(decoded.claims)
            return _access(decoded.claims, now_s)
        except (JoseError, ValueError, TypeError, AttributeError) as error:
            raise InvalidToken from error

    def _registry(self, now_s: int) -> JWTClaimsRegistry:
        return JWTClaimsRegistry(
            now_s,
            CLOCK_LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            sub={"essential": True},
            sid={"essential": True},
            jti={"essential": True},
            iat={"essential": True},
            exp={"essential": True},
        )


def _access(claims: dict[str, Any], now_s: int) -> Access:
    """Raises ValueError, TypeError, AttributeError."""
    if not all(isinstance(claims[name], str) for name in ("iss", "aud", "sub", "sid", "jti")):
        raise ValueError("a claim is not a string")
    if not all(type(claims[name]) is int for name in ("iat", "exp")):
        raise ValueError("a time is not a number of seconds")
    # The leeway is for tokens that another machine issued a moment ago, not for old ones.
    if claims["exp"] <= now_s:
        raise ValueError("the token has expired")
    return Access(int(claims["sub"]), uuid.UUID(claims["sid"]), claims["exp"])


def _key(secret: str) -> OctKey:
    """A key for this purpose only. Its id reveals nothing about it, and is the same in every process."""
    root = hashlib.sha256(secret.encode()).digest()
    key = hashlib.blake2b(key=root, person=b"access-token", digest_size=32).digest()
    kid = hashlib.blake2b(key=root, person=b"access-key-id", digest_size=8).hexdigest()
    return OctKey.import_key(key, {"kid": kid, "alg": ALGORITHM, "use": "sig"})
