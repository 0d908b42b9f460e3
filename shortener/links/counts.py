"""How many links workspaces have, counted up to a bound."""

import uuid
from collections.abc import Sequence

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

_COUNT = text("""
    SELECT place.id, (
        SELECT count(*) FROM (
            SELECT FROM links WHERE workspace_id = place.id AND deleted_at IS NULL AND alias_of IS NULL LIMIT :most
        ) AS found
    ) AS links
    FROM unnest(:ids) AS place (id)
""").bindparams(bindparam("ids", type_=ARRAY(Uuid)))


async def counts_of_links(session: AsyncSession, workspace_ids: Sequence[uuid.UUID], most: int) -> dict[uuid.UUID, int]:
    """The number of links of each workspace; `most` means as many or more."""
    async with session.begin():
        rows = await session.execute(_COUNT, {"ids": list(workspace_ids), "most": most})
        return {row.id: row.links for row in rows}
