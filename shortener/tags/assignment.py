"""From the names that a request gives a link to the ids that the link holds."""

import uuid
from collections.abc import Collection

import asyncpg

from shortener.access.memberships import Caller, writable
from shortener.errors import InvalidField
from shortener.tags.models import NO_WORKSPACE

# The list of a workspace's tags is sorted by any of its columns.
MAX_TAGS = 10_000

# The lock makes who deletes or merges a tag wait until the links have it.
_KNOWN = """
    SELECT name, id FROM tags WHERE workspace_id = $1 AND name = ANY($2::text[]) AND NOT is_gone
    ORDER BY id FOR KEY SHARE
"""
_COUNT = "SELECT count(*) FROM tags WHERE workspace_id = $1 AND NOT is_gone"
# In order: of two requests with the same new tags the one waits for the other, and never both.
_INSERT = """
    INSERT INTO tags (workspace_id, name) SELECT $1, name FROM unnest($2::text[]) AS name ORDER BY name
    ON CONFLICT DO NOTHING
"""
# The names of each of these links.
_NAMES = """
    SELECT links.id, array_agg(DISTINCT coalesce(other.name, tags.name)) AS names
    FROM links CROSS JOIN unnest(links.tag_ids) AS tag_id JOIN tags ON tags.id = tag_id
        LEFT JOIN tags AS other ON other.id = tags.merged_into
    WHERE links.id = ANY($1::bigint[]) AND (NOT tags.is_gone OR other.id IS NOT NULL)
    GROUP BY links.id
"""
_SET = "UPDATE links SET tag_ids = $2 WHERE id = $1"


class TooManyTags(InvalidField):
    """The workspace has 10,000 tags.

    Delete or merge some of them.
    """

    type, title = "too-many-tags", "Too many tags"

    def __init__(self) -> None:
        super().__init__("/tags", f"a workspace has at most {MAX_TAGS:,} tags")


class TagsNeedOwner(InvalidField):
    """Links without an owner have no tags here, because nobody could list them.

    Log in, or use an API key.
    """

    type, title = "tags-need-owner", "Tags need an owner"

    def __init__(self) -> None:
        super().__init__("/tags", "only links with an owner have tags here")


async def new_tag_ids(
    connection: asyncpg.Connection, caller: Caller, workspace: uuid.UUID | None, names: Collection[str]
) -> dict[str, int]:
    """The ids of these tags in the workspace where the caller creates links; tags that are missing are made. In the
    caller's transaction. Raises UnknownWorkspace, InsufficientRole, TooManyTags."""
    return await tag_ids(connection, await writable(connection, caller, workspace), names)


async def tag_ids(
    connection: asyncpg.Connection, workspace_id: uuid.UUID | None, names: Collection[str]
) -> dict[str, int]:
    """As `new_tag_ids`, in a workspace that is known. Raises TooManyTags."""
    if not names:
        return {}
    place = workspace_id or NO_WORKSPACE
    found = dict(await connection.fetch(_KNOWN, place, list(names)))
    while missing := [name for name in names if name not in found]:
        if await connection.fetchval(_COUNT, place) + len(missing) > MAX_TAGS:
            raise TooManyTags
        await connection.execute(_INSERT, place, missing)
        # Also those that somebody else made meanwhile.
        found |= dict(await connection.fetch(_KNOWN, place, missing))
    return found


async def move(connection: asyncpg.Connection, link_ids: Collection[int], workspace_id: uuid.UUID) -> None:
    """Links have come into this workspace: they get its tags of the same names. Raises TooManyTags."""
    names = {row["id"]: row["names"] for row in await connection.fetch(_NAMES, list(link_ids))}
    ids = await tag_ids(connection, workspace_id, {name for each in names.values() for name in each})
    await connection.executemany(_SET, [(link, sorted(ids[name] for name in each)) for link, each in names.items()])
