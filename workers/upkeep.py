"""What has to be done now and then."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis
from sqlalchemy import text

from shortener.audit.listing import forget_entries
from shortener.clicks.partitions import drop_visitor_partitions, ensure_partitions_ahead
from shortener.clicks.stream import ClickStream
from shortener.figures.rollups import RECENT, busy_links, sum_up
from shortener.moderation.bans import complete_user_bans
from shortener.redirect.cache import evict
from shortener.settings import Settings
from shortener.stores.database import Database

# A batch that is older than this cannot come again: it would have to wait in the stream for as long.
LEDGER_DAYS = 30
# Hashes of visitors can be tied to an address only while the day's salt exists.
SALT_DAYS = 2
IDEMPOTENCY_HOURS = 24
# A refresh token that comes back is known as used for so long, and as unknown after it.
USED_TOKEN_DAYS = 30
BANS_COMPLETED_WITHIN = timedelta(hours=1)
IDLE_CONSUMER_MS = 3600 * 1000

# Less than a job may take, less a statement.
SUM_UP_TIME_S = 25.0
_SUM_UP_LINKS = 100
_SUMMED_KEY = "rollups:summed_up_to"

_SWEPT_KEY = "cache:swept_at"
# Transactions that began earlier may commit later than this sweep.
_SWEEP_OVERLAP_S = 10.0
_SWEEP_START_S = 3600.0


async def create_partitions(ctx: dict[str, Any]) -> None:
    database: Database = ctx["database"]
    async with database.driver_connection() as connection:
        await ensure_partitions_ahead(connection)


async def evict_changed(ctx: dict[str, Any]) -> int:
    """Evict links that changed since the last sweep; returns their number.

    Whoever changes a link evicts it at once. This covers the change whose eviction failed, since Redis was
    away or the process died: no cache keeps it for longer than Redis itself was away.
    """
    database: Database = ctx["database"]
    redis: Redis = ctx["redis"]
    now_s = datetime.now(UTC).timestamp()
    swept = await redis.get(_SWEPT_KEY)
    since_s = (float(swept) if swept else now_s - _SWEEP_START_S) - _SWEEP_OVERLAP_S
    async with database.engine.connect() as connection:
        result = await connection.execute(
            text("SELECT code FROM links WHERE updated_at > :since AND updated_at > created_at"),
            {"since": datetime.fromtimestamp(since_s, UTC)},
        )
        codes = list(result.scalars())
    if codes:
        await evict(redis, codes)
    await redis.set(_SWEPT_KEY, repr(now_s))
    return len(codes)


async def complete_bans(ctx: dict[str, Any]) -> None:
    """Go on where a process that banned a user's links, or unbanned them, has died."""
    database: Database = ctx["database"]
    redis: Redis = ctx["redis"]

    async def evict_all(*codes: str) -> None:
        await evict(redis, codes)

    async with database.session() as session:
        await complete_user_bans(session, evict_all, datetime.now(UTC) - BANS_COMPLETED_WITHIN)


async def sum_up_breakdowns(ctx: dict[str, Any]) -> None:
    """Sum up days and months that are over, link by link; the next run goes on where this one's time ends."""
    database: Database = ctx["database"]
    redis: Redis = ctx["redis"]
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    began_at_s = time.monotonic()
    after = int(await redis.get(_SUMMED_KEY) or 0)
    while True:
        async with database.driver_connection() as connection:
            links = await busy_links(connection, after, _SUM_UP_LINKS)
            if links:
                await sum_up(connection, links, today - RECENT, today)
        after = links[-1] if links else 0
        await redis.set(_SUMMED_KEY, after)
        if not links or time.monotonic() - began_at_s >= SUM_UP_TIME_S:
            break


async def forget_audit(ctx: dict[str, Any]) -> int:
    """Delete old entries of the audit log; returns how many that were."""
    database: Database = ctx["database"]
    settings: Settings = ctx["settings"]
    async with database.driver_connection() as connection:
        return await forget_entries(connection, settings.audit_days)


async def forget(ctx: dict[str, Any]) -> None:
    """Delete what is kept only for a time."""
    database: Database = ctx["database"]
    stream: ClickStream = ctx["stream"]
    now = datetime.now(UTC)
    oldest_salt = now.date() - timedelta(days=SALT_DAYS)
    async with database.driver_connection() as connection:
        await drop_visitor_partitions(connection, oldest_salt)
        await connection.execute("DELETE FROM visitor_salts WHERE day < $1", oldest_salt)
        await connection.execute("DELETE FROM click_batches WHERE written_at < $1", now - timedelta(days=LEDGER_DAYS))
        await connection.execute(
            "DELETE FROM idempotency_keys WHERE created_at < $1", now - timedelta(hours=IDEMPOTENCY_HOURS)
        )
        await connection.execute("DELETE FROM sessions WHERE expires_at < $1", now)
        await connection.execute("DELETE FROM invitations WHERE expires_at < $1", now)
        await connection.execute("DELETE FROM oidc_used_states WHERE expires_at < $1", now)
        await connection.execute("DELETE FROM refresh_tokens WHERE used_at < $1", now - timedelta(days=USED_TOKEN_DAYS))
    await stream.remove_idle_consumers(IDLE_CONSUMER_MS)
