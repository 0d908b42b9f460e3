"""Repeating a request without repeating what it does."""

import hashlib

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.errors import Unprocessable
from shortener.links.models import IdempotencyKey


class IdempotencyKeyReused(Unprocessable):
    type, title = "idempotency-key-reused", "Idempotency key reused"


async def claim(session: AsyncSession, client: str, key: str, fingerprint: bytes) -> tuple[IdempotencyKey, bool]:
    """The client's key, and whether it is new: then the same transaction has to make what it is for.

    Requests that run at the same time wait here for the first to commit. Raises IdempotencyKeyReused when the key
    came with a request of another fingerprint.
    """
    key_id = hashlib.sha256(f"{client}\n{key}".encode()).digest()
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
