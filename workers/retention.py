"""Deletes data that is kept only for a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shortener.audit.listing import forget_entries
from shortener.clicks.partitions import drop_visitor_partitions
from shortener.clicks.parts import CLICK_STREAM
from shortener.notifications.news import forget_notifications
from shortener.parts import Parts
from shortener.stores.parts import DATABASE

# A batch that is older than this cannot come again: it would have to wait in the stream that long.
LEDGER_DAYS = 30
# Hashes of visitors can be tied to an address only while the day's salt exists.
SALT_DAYS = 2
IDEMPOTENCY_HOURS = 24
# A refresh token that comes back is recognized as used for this long, and is unknown after it.
USED_TOKEN_DAYS = 30
IDLE_CONSUMER_MS = 3600 * 1000


async def delete_expired_audit(ctx: dict[str, Any]) -> int:
    """Delete old entries of the audit log; returns their number."""
    parts: Parts = ctx["parts"]
    database = parts[DATABASE]
    async with database.driver_connection() as connection:
        return await forget_entries(connection, parts.settings.audit_days)


async def delete_expired_notifications(ctx: dict[str, Any]) -> int:
    """Delete old notifications; returns their number."""
    parts: Parts = ctx["parts"]
    async with parts[DATABASE].driver_connection() as connection:
        return await forget_notifications(connection, parts.settings.notification_days)


async def delete_expired(ctx: dict[str, Any]) -> None:
    """Delete expired data."""
    parts: Parts = ctx["parts"]
    database = parts[DATABASE]
    stream = parts[CLICK_STREAM]
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
