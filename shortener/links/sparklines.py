"""The clicks of the last days, for each link of a page."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.clicks.models import ClickCountDaily

DAYS = 30
_COUNTS = select(ClickCountDaily.link_id, ClickCountDaily.start, ClickCountDaily.clicks).where(
    ClickCountDaily.link_id == any_(bindparam("ids", type_=ARRAY(BigInteger))),
    ClickCountDaily.start >= bindparam("since"),
)


async def sparklines(session: AsyncSession, link_ids: Sequence[int]) -> dict[int, list[int]]:
    """People's clicks on each of the last 30 UTC days, the oldest first and today last."""
    since = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS - 1)
    found = {link_id: [0] * DAYS for link_id in link_ids}
    for link_id, start, clicks in await session.execute(_COUNTS, {"ids": list(link_ids), "since": since}):
        if (day := (start - since).days) < DAYS:
            found[link_id][day] = clicks
    return found
