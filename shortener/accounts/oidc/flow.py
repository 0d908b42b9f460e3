"""The state of a login, which the browser carries in a sealed cookie, so that no server keeps it."""

import hashlib
import os
import secrets
import time
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LIFETIME_S = 600
_NONCE_BYTES = 12
# Longer than any cookie of this service.
MAX_COOKIE = 1024


class Flow(msgspec.Struct, frozen=True, array_like=True):
    """One login. Each of the three secrets has 256 random bits and goes one way only: `state` with the browser to the
    provider and back, `nonce` into the ID token, `verifier` from this service to the provider. `next` is the page to
    which the login of a browser leads; None for a program's, which gets tokens."""

    state: str
    nonce: str
    verifier: str
    expires_at_s: int
    next: str | None = None


class Sealed(NamedTuple):
    flow: Flow
    cookie: str


_decoder = msgspec.msgpack.Decoder(Flow)


class FlowSealer:
    """Seals for one provider and client: a login that began with other settings cannot be unsealed."""

    def __init__(self, secret: str, issuer: str, client_id: str) -> None:
        root = hashlib.sha256(secret.encode()).digest()
        self._cipher = AESGCM(hashlib.blake2b(key=root, person=b"oidc-flow", digest_size=32).digest())
        self._context = msgspec.msgpack.encode((issuer, client_id))

    def begin(self, next_: str | None = None) -> Sealed:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        flow = Flow(state, nonce, verifier, int(time.time()) + LIFETIME_S, next_)
        salt = os.urandom(_NONCE_BYTES)
        box = salt + self._cipher.encrypt(salt, msgspec.msgpack.encode(flow), self._context)
        return Sealed(flow, box.hex())

    def unseal(self, cookie: str | None, state: str) -> Flow | None:
        """The login that this browser began, if `state` matches and there is time left."""
        try:
            box = bytes.fromhex(cookie or "")[:MAX_COOKIE]
            flow = _decoder.decode(self._cipher.decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], self._context))
        except (ValueError, InvalidTag, msgspec.MsgspecError):
            return None
        is_own = secrets.compare_digest(flow.state.encode(), state.encode(errors="replace"))
        return flow if is_own and time.time() < flow.expires_at_s else None


def hash_state(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()
