"""Giving links that are there instead of making others that are the same."""

import uuid
from collections.abc import Sequence
from typing import Any

import asyncpg
import orjson
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import Caller, writable
from shortener.clicks.models import ClickTotal
from shortener.event_loop.slices import gathered
from shortener.links.directory import Directory
from shortener.links.inserts import NewLink
from shortener.links.models import Link
from shortener.redirect.hosts import qualified
from shortener.stores.database import driver_in
from shortener.stores.portions import portions

# Members that describe a link. They decide only where the request names them: who has given the link a title since
# still finds it.
DESCRIBING = ("title", "note", "archived", "tags")
# A workspace may have any number of links to one URL, and none that is the same. Many URLs share a number of links.
_LOOKED_AT, _LOOKED_AT_TOGETHER = 500, 20_000
# To read a link takes some 40 µs.
_READ_TOGETHER = 200
# A request for one URL holds the workspace together with others, one for many URLs alone.
_LOCK_URL = """
    SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0)), pg_advisory_xact_lock(hashtextextended($2, 0))
"""
_LOCK_WORKSPACE = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
# The newest links are read by their index before anything is compared. All that decides what a link answers has to be
# equal; of what describes it, what is named.
_SAME = """
    SELECT wanted.n, same.id FROM unnest(
        $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::bigint[], $9::text[], $10::text[],
        $11::text[], $12::boolean[], $13::text[], $14::text[]
    ) WITH ORDINALITY AS wanted (
        url, domain, code, expires_at, starts_at, max_clicks, options, title, note, is_archived, tags, named, n
    )
    CROSS JOIN LATERAL (
        SELECT newest.id FROM (
            SELECT * FROM links WHERE {workspace} AND hashtextextended(links.url, 0) = hashtextextended(wanted.url, 0)
                AND links.url = wanted.url AND deleted_at IS NULL
            -- The index's own order: it is read from the newest on, with or without a workspace.
            ORDER BY workspace_id DESC, hashtextextended(links.url, 0) DESC, id DESC LIMIT $2
        ) AS newest LEFT JOIN click_totals ON link_id = newest.id
        WHERE NOT is_disabled AND ban_id IS NULL AND password_hash IS NULL
            AND newest.expires_at IS NOT DISTINCT FROM wanted.expires_at
            AND newest.starts_at IS NOT DISTINCT FROM wanted.starts_at
            AND newest.max_clicks IS NOT DISTINCT FROM wanted.max_clicks
            AND (newest.max_clicks > coalesce(clicks, 0)) IS NOT FALSE
            AND newest.options IS NOT DISTINCT FROM wanted.options::jsonb
            AND CASE WHEN wanted.code IS NOT NULL THEN newest.code = wanted.code
                WHEN wanted.domain IS NULL THEN strpos(newest.code, '/') = 0
                ELSE starts_with(newest.code, wanted.domain || '/') END
            AND (strpos(named, 'title') = 0 OR newest.title IS NOT DISTINCT FROM wanted.title)
            AND (strpos(named, 'note') = 0 OR newest.note IS NOT DISTINCT FROM wanted.note)
            AND (strpos(named, 'archived') = 0 OR newest.is_archived = wanted.is_archived)
            AND (strpos(named, 'tags') = 0 OR wanted.tags::text[] = (
                SELECT coalesce(array_agg(DISTINCT coalesce(into_it.name, tags.name)), '{{}}')
                FROM tags LEFT JOIN tags AS into_it ON into_it.id = tags.merged_into
                WHERE tags.id = ANY(newest.tag_ids) AND (NOT tags.is_gone OR into_it.id IS NOT NULL)))
        ORDER BY newest.id DESC LIMIT 1
    ) AS same
"""
_SAME_UNOWNED = _SAME.format(workspace="$1::uuid IS NULL AND workspace_id IS NULL")
_SAME_OF_WORKSPACE = _SAME.format(workspace="workspace_id = $1::uuid")

# A link as it is wanted, and its domain.
Wanted = tuple[NewLink, str | None]


def may_reuse(caller: Caller, workspace: uuid.UUID | None, new: NewLink) -> bool:
    """Whether the caller wants a link that is there, and could see it. A password is not compared."""
    sees_unowned = workspace is None and (caller.has_unowned or caller.is_operator)
    return new.reuse is not None and new.password is None and (caller.user_id is not None or sees_unowned)


async def find_same(
    session: AsyncSession, caller: Caller, workspace: uuid.UUID | None, new: NewLink, directory: Directory
) -> tuple[Link, int] | None:
    """The newest live link in the workspace that is as the request asks for, and its clicks. Others who ask for the
    same URL there wait until the session's transaction ends.

    Raises UnknownWorkspace, InsufficientRole, UnknownDomain.
    """
    connection = await driver_in(session)
    workspace_id = None if caller.user_id is None else await writable(connection, caller, workspace)
    domain = checked_domain(new, workspace_id, directory)
    # A statement of its own: the next one sees what it waited for.
    await connection.execute(_LOCK_URL, f"{workspace_id}", f"{workspace_id} {new.url}")
    return (await find_all(session, workspace_id, [(new, domain)])).get(0)


async def lock_workspace(connection: asyncpg.Connection, workspace_id: uuid.UUID | None) -> None:
    """Others who ask for any URL in the workspace wait until the transaction ends: one lock for a thousand URLs."""
    await connection.execute(_LOCK_WORKSPACE, f"{workspace_id}")


def checked_domain(new: NewLink, workspace_id: uuid.UUID | None, directory: Directory) -> str | None:
    """The domain that the link is to have. Raises UnknownDomain."""
    domain = new.domain if new.names_domain else directory.default_of(workspace_id)
    if domain is not None:
        directory.check(domain, workspace_id)
    return domain


async def find_all(
    session: AsyncSession, workspace_id: uuid.UUID | None, wanted: Sequence[Wanted]
) -> dict[int, tuple[Link, int]]:
    """The newest live link for each that is wanted, by its place, where there is one, and its clicks."""
    looked_at = min(_LOOKED_AT, _LOOKED_AT_TOGETHER // len(wanted))
    sql = _SAME_UNOWNED if workspace_id is None else _SAME_OF_WORKSPACE
    connection = await driver_in(session)
    clicks = func.coalesce(ClickTotal.clicks, 0)
    statement = select(Link, clicks).outerjoin(ClickTotal, ClickTotal.link_id == Link.id)
    same: dict[int, tuple[Link, int]] = {}
    before = 0
    rows = await gathered(_values(new, domain) for new, domain in wanted)
    for portion in portions(rows, _READ_TOGETHER):
        pairs = await connection.fetch(sql, workspace_id, looked_at, *map(list, zip(*portion, strict=True)))
        ids = {pair["id"] for pair in pairs}
        found = await session.execute(statement.where(Link.id.in_(ids))) if ids else ()
        links = {link.id: (link, count) for link, count in found}
        same |= {before + pair["n"] - 1: links[pair["id"]] for pair in pairs}
        before += len(portion)
    return same


def named(new: NewLink) -> list[str]:
    """The members that describe the link and that the request names."""
    return [name for name in DESCRIBING if name in (new.reuse or ())]


def _values(new: NewLink, domain: str | None) -> tuple[Any, ...]:
    """As `wanted` has them."""
    return (
        new.url,
        domain,
        None if new.code is None else qualified(new.code, domain),
        new.expires_at,
        new.starts_at,
        new.max_clicks,
        None if new.options is None else orjson.dumps(new.options).decode(),
        new.title,
        new.note,
        new.is_archived,
        # As text: an array of arrays would be one flat array.
        "{" + ",".join(orjson.dumps(tag).decode() for tag in sorted(new.tags)) + "}",
        " ".join(named(new)),
    )
