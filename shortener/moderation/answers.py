"""Bans as the API gives them."""

from typing import Any

from shortener.moderation.kinds import Kind
from shortener.moderation.models import Ban
from shortener.moderation.schemas import BanOut


def ban_out(row: Any) -> BanOut:
    ban: Ban = row[0]
    return BanOut(
        id=ban.id,
        kind=Kind(ban.kind),
        value=ban.value,
        reason=ban.reason,
        created_at=ban.created_at,
        created_by=row.created_by_email,
        lifted_at=ban.lifted_at,
        lifted_by=row.lifted_by_email,
    )
