"""Validates ID tokens (OpenID Connect Core 3.1.3.7)."""

from collections.abc import Iterable, Sequence
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from shortener.text import log_line

# Asymmetric signatures only. The token chooses one of these, and its key must be meant for it.
ALGORITHMS = ("RS256", "PS256", "ES256")
CLOCK_LEEWAY_S = 60
MIN_RSA_BITS = 2048
MAX_TOKEN = 32 * 1024
MAX_SUBJECT = 255

ProviderKey = RSAKey | ECKey
_KEY_TYPES: dict[str, type[ProviderKey]] = {"RSA": RSAKey, "EC": ECKey}
_KEY_TYPE_OF = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}


class InvalidIdToken(Exception):
    """The message is the reason, for the log; it contains nothing of the token."""


class UnknownKey(InvalidIdToken):
    """Signed with an unknown key, which the provider may have created since its keys were read."""


def read_keys(document: dict[str, Any]) -> list[ProviderKey]:
    """The keys of a JWKS that can verify; other kinds are left out."""
    entries = document.get("keys")
    return [key for entry in (entries if isinstance(entries, list) else ()) if (key := _read_key(entry)) is not None]


def _read_key(entry: Any) -> ProviderKey | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    kind = _KEY_TYPES.get(str(entry.get("kty")))
    if kind is None:
        return None
    try:
        key = kind.import_key({name: value for name, value in entry.items() if isinstance(value, str)})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None if isinstance(key, RSAKey) and key.public_key.key_size < MIN_RSA_BITS else key


def read_id_token(
    token: object,
    keys: Sequence[ProviderKey],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str | None,
    now_s: int,
) -> dict[str, Any]:
    """Its claims. Raises UnknownKey, InvalidIdToken."""
    if not isinstance(token, str) or not token.isascii() or len(token) > MAX_TOKEN:
        raise InvalidIdToken("no token")
    try:
        decoded = jwt.decode(token, lambda guest: _key_for(guest.headers(), keys), list(ALGORITHMS))
        if "crit" in decoded.header:
            raise InvalidIdToken("something critical")
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": issuer},
                "aud": {"essential": True, "value": client_id},
                "sub": {"essential": True},
            },
            params={"client_id": client_id, "nonce": nonce, "access_token": access_token},
        )
        claims.validate(now_s, CLOCK_LEEWAY_S)
    except JoseError as error:
        raise InvalidIdToken(f"{error.error}: {getattr(error, 'claim', '')}") from error
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise InvalidIdToken(type(error).__name__) from error
    _check_form(claims)
    return dict(claims)


def _key_for(header: dict[str, Any], keys: Iterable[ProviderKey]) -> ProviderKey:
    """The only key that matches the header. Raises UnknownKey, InvalidIdToken."""
    algorithm, kid = header.get("alg"), header.get("kid")
    kind = _KEY_TYPE_OF.get(algorithm) if isinstance(algorithm, str) else None
    if kind is None:
        raise InvalidIdToken("another algorithm")
    fitting = [
        key
        for key in keys
        if key.key_type == kind and key.get("alg") in (None, algorithm) and (kid is None or key.kid == kid)
    ]
    if len(fitting) != 1:
        raise UnknownKey("no key, or several")
    return fitting[0]


def _check_form(claims: dict[str, Any]) -> None:
    """Check claims that the libraries accept in more than one form."""
    if not all(isinstance(claims[name], str) for name in ("iss", "sub", "nonce")):
        raise InvalidIdToken("a claim is not a string")
    if not all(type(claims[name]) in (int, float) for name in ("iat", "exp")):
        raise InvalidIdToken("a time is not a number")
    if not 0 < len(claims["sub"]) <= MAX_SUBJECT or log_line(claims["sub"]) != claims["sub"]:
        raise InvalidIdToken("no subject")
