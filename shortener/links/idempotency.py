"""Repeating a request without repeating what it does."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.errors import Unprocessable
from shortener.event_loop.slices import gathered
from shortener.links.models import IdempotencyKey


class IdempotencyKeyReused(Unprocessable):
    """The `Idempotency-Key` was used for another request within the last day.

    Use a new key for each new request.
    """

    type, title = "idempotency-key-reused", "Idempotency key reused"


async def claim(session: AsyncSession, client: str, key: str, fingerprint: bytes) -> tuple[IdempotencyKey, bool]:
    """The client's key, and whether it is new: then the same transaction has to make what it is for.

    Requests that run at the same time wait here for the first to commit. Raises IdempotencyKeyReused when the key
    came with a request of another fingerprint.
    """
    key_id = _id_of(client, key)
    claimed = await session.scalar(
        insert(IdempotencyKey)
        .values(id=key_id, fingerprint=fingerprint, link_id=0)
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.id)
    )
    record = await session.get_one(IdempotencyKey, key_id)
    if claimed is None and record.fingerprint != fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used for another request.")
    return record, claimed is not None


async def answer_to(session: AsyncSession, client: str, key: str) -> bytes | None:
    """The answer to the client's key, if it was given within the last day."""
    return await session.scalar(select(IdempotencyKey.answer).where(IdempotencyKey.id == _id_of(client, key)))


def _id_of(client: str, key: str) -> bytes:
    return hashlib.sha256(f"{client}\n{key}".encode()).digest()


async def bulk_fingerprint(body: Mapping[str, Any]) -> bytes:
    """The SHA-256 of a bulk request's body, written as JSON with its members in order."""
    digest = hashlib.sha256()
    await gathered(map(digest.update, _in_order(body)))
    return digest.digest()


def _in_order(body: Mapping[str, Any]) -> Iterator[bytes]:
    before, _, after = json.dumps({**body, "links": []}, sort_keys=True).partition("[]")
    yield f"{before}[".encode()
    for n, link in enumerate(body["links"]):
        yield ((", " if n else "") + json.dumps(link, sort_keys=True)).encode()
    yield f"]{after}".encode()
