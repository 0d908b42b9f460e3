"""News of links, and how they become notifications of the people who can change the link."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.links.answers import link_name
from shortener.notifications.kinds import NotificationKind
from shortener.notifications.models import LinkNews

# Of one link, the first members by age. News of a link do not become thousands of rows.
MAX_TOLD = 200
NEWS_AT_ONCE = 200
EXPIRES_SOON = timedelta(days=3)

_TAKE = "DELETE FROM link_news WHERE id IN (SELECT id FROM link_news ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)"
_DELIVER = f"""
    WITH taken AS ({_TAKE} RETURNING id, link_id, kind, key, clicks),
    news AS (
        SELECT taken.*, links.workspace_id, links.code FROM taken JOIN links ON links.id = taken.link_id
        WHERE links.deleted_at IS NULL
    ), told AS (
        INSERT INTO notifications (user_id, kind, key, link_id, workspace_id, clicks)
        SELECT people.user_id, news.kind, news.key, news.link_id, news.workspace_id, news.clicks
        FROM news CROSS JOIN LATERAL (
            SELECT member.user_id FROM workspace_members AS member JOIN users ON users.id = member.user_id
            WHERE member.workspace_id = news.workspace_id AND member.role <> 'viewer' AND NOT users.is_disabled
            ORDER BY member.created_at, member.user_id LIMIT {MAX_TOLD}
        ) AS people LEFT JOIN notification_settings AS wanted ON wanted.user_id = people.user_id
        WHERE wanted.unwanted IS NULL OR news.kind <> ALL (wanted.unwanted)
        ORDER BY news.id ON CONFLICT (user_id, key) DO NOTHING
    )
    SELECT kind, link_id, workspace_id, code FROM news ORDER BY id
"""  # noqa: S608  (made of constants)
# $1 is the end of the last look, $2 that of this one. A link whose time was less from the beginning is not announced.
_EXPIRING = f"""
    INSERT INTO link_news (link_id, kind, key)
    SELECT id, kind, kind || ':' || id || ':' || extract(epoch FROM expires_at) FROM (
        SELECT id, expires_at, '{NotificationKind.EXPIRED}' AS kind FROM links
        WHERE expires_at > $1 AND expires_at <= $2 AND deleted_at IS NULL
        UNION ALL
        SELECT id, expires_at, '{NotificationKind.EXPIRING}' FROM links
        WHERE expires_at > $1 + $3::interval AND expires_at <= $2 + $3::interval AND deleted_at IS NULL
    ) AS due
"""  # noqa: S608


# The mark shows a listener who comes back that something is missing.
_FORGET = """
    WITH gone AS (
        DELETE FROM notifications WHERE id IN (
            SELECT id FROM notifications WHERE created_at < $1 ORDER BY created_at LIMIT $2
        ) RETURNING number
    ), mark AS (
        INSERT INTO live_mark (number) SELECT max(number) FROM gone HAVING max(number) IS NOT NULL
        ON CONFLICT (is_only) DO UPDATE SET number = greatest(live_mark.number, excluded.number)
    )
    SELECT count(*) FROM gone
"""
_FORGOTTEN_AT_ONCE = 5000


class News(NamedTuple):
    kind: str
    link_id: int
    workspace_id: uuid.UUID | None
    code: str

    @property
    def data(self) -> dict[str, Any]:
        return link_name(self.link_id, self.code, self.workspace_id)


def note(session: AsyncSession, kind: NotificationKind, link_id: int, about: object) -> None:
    """Add news to the session's transaction. `about` names what happened once."""
    session.add(LinkNews(kind=kind, link_id=link_id, key=f"{kind}:{link_id}:{about}"))


async def note_expiring(connection: asyncpg.Connection, since: datetime, until: datetime) -> None:
    """Note links that expire in this span, or that are about to."""
    await connection.execute(_EXPIRING, since, until, EXPIRES_SOON)


async def forget_notifications(connection: asyncpg.Connection, days: int) -> int:
    """Delete notifications that are older; returns their number."""
    before, total = datetime.now(UTC) - timedelta(days=days), 0
    while True:
        deleted: int = await connection.fetchval(_FORGET, before, _FORGOTTEN_AT_ONCE)
        total += deleted
        if deleted < _FORGOTTEN_AT_ONCE:
            return total


async def deliver(connection: asyncpg.Connection) -> Sequence[News]:
    """Turn some news into notifications. The same news again changes nothing."""
    rows = await connection.fetch(_DELIVER, NEWS_AT_ONCE)
    return [News(row["kind"], row["link_id"], row["workspace_id"], row["code"]) for row in rows]
