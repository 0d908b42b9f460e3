"""Where the limit of a link's clicks begins to be counted."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# A worker that adds clicks to the total holds this row, and adds them to the limit in the same transaction: they are in
# the total by now, or the worker finds the limit.
_LOCK_TOTAL = text("""
    INSERT INTO click_totals (link_id, clicks, visitors, bots) VALUES (:link_id, 0, 0, 0)
    ON CONFLICT (link_id) DO UPDATE SET clicks = click_totals.clicks RETURNING clicks
""")
_BEGIN = text("INSERT INTO click_limits (link_id, used) VALUES (:link_id, :clicks) ON CONFLICT DO NOTHING")


async def begin_limit(session: AsyncSession, link_id: int) -> None:
    """From the session's transaction on, people's clicks of the link are counted exactly; those so far are in."""
    clicks = await session.scalar(_LOCK_TOTAL, {"link_id": link_id})
    await session.execute(_BEGIN, {"link_id": link_id, "clicks": clicks})
