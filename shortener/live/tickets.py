"""Tickets for WebSockets of browsers, which cannot set headers: signed, valid for seconds, and for one connection."""

import base64
import binascii
import hashlib
import hmac
import secrets
import time
import uuid
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shortener.access.credentials import InvalidCredential
from shortener.access.principals import Principal
from shortener.errors import ServiceUnavailable

LIFETIME_S = 30
_USED = "live:ticket:"
_MAC_BYTES = 32
_MAX_TICKET = 400


class TicketMeans(NamedTuple):
    """The session or key that a ticket stands for."""

    session_id: uuid.UUID | None
    key_id: uuid.UUID | None


class _Ticket(msgspec.Struct, frozen=True, array_like=True):
    nonce: str
    expires_at_s: float
    session_id: uuid.UUID | None
    key_id: uuid.UUID | None


class TicketsUnavailable(ServiceUnavailable):
    def __init__(self) -> None:
        super().__init__("Tickets cannot be checked at the moment. Use server-sent events.")


class Tickets:
    """Makes and takes tickets. Redis only knows which were used, so nobody can write one into it."""

    def __init__(self, redis: Redis, secret_keys: Sequence[str]) -> None:
        self._redis = redis
        self._keys = [_key(secret) for secret in secret_keys]

    def make(self, principal: Principal) -> str:
        ticket = _Ticket(secrets.token_urlsafe(16), time.time() + LIFETIME_S, principal.session_id, principal.key_id)
        body = msgspec.json.encode(ticket)
        return base64.urlsafe_b64encode(_mac(self._keys[0], body) + body).rstrip(b"=").decode()

    async def take(self, text: str) -> TicketMeans:
        """Raises InvalidCredential, as it does for a ticket that was taken before, and TicketsUnavailable."""
        ticket = self._read(text)
        try:
            is_first = await self._redis.set(_USED + ticket.nonce, b"", nx=True, ex=2 * LIFETIME_S)
        except (RedisError, OSError):
            raise TicketsUnavailable from None
        if not is_first:
            raise InvalidCredential
        return TicketMeans(ticket.session_id, ticket.key_id)

    def _read(self, text: str) -> _Ticket:
        try:
            signed = base64.b64decode(text[:_MAX_TICKET] + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            mac, body = signed[:_MAC_BYTES], signed[_MAC_BYTES:]
            if not any(hmac.compare_digest(mac, _mac(key, body)) for key in self._keys):
                raise InvalidCredential
            ticket = msgspec.json.decode(body, type=_Ticket)
        except (ValueError, binascii.Error, msgspec.MsgspecError):
            raise InvalidCredential from None
        if ticket.expires_at_s < time.time():
            raise InvalidCredential
        return ticket


def _key(secret: str) -> bytes:
    """A key for this purpose only."""
    return hashlib.blake2b(key=hashlib.sha256(secret.encode()).digest(), person=b"live-ticket", digest_size=32).digest()


def _mac(key: bytes, body: bytes) -> bytes:
    return hashlib.blake2b(body, key=key, digest_size=_MAC_BYTES).digest()
