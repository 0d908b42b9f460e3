"""Jobs of tags."""

from typing import Any

from sqlalchemy import text

from shortener.parts import Parts
from shortener.stores.parts import DATABASE
from shortener.tags.models import NO_WORKSPACE

# Links that one transaction writes again.
LINKS_AT_ONCE = 1000

_FOLD = text("""
    WITH folded AS (DELETE FROM tag_changes RETURNING tag_id, links),
        sums AS (SELECT tag_id, sum(links) AS links FROM folded GROUP BY tag_id)
    UPDATE tags SET links = tags.links + sums.links FROM sums WHERE tags.id = sums.tag_id
""")
_GONE = text("SELECT id FROM tags WHERE is_gone ORDER BY id LIMIT 100")
_TAKE = text("""
    UPDATE links SET tag_ids = nullif(ARRAY(
        SELECT DISTINCT id FROM unnest(
            array_remove(tag_ids, :id) || (SELECT merged_into FROM tags WHERE tags.id = :id)
        ) AS id WHERE id IS NOT NULL ORDER BY id
    ), '{}')
    WHERE id IN (SELECT id FROM links WHERE tag_ids @> ARRAY[CAST(:id AS bigint)] LIMIT :limit FOR UPDATE)
""")
_FORGET = text("DELETE FROM tags WHERE id = :id")
_FORGET_HOMELESS = text("""
    DELETE FROM tags WHERE workspace_id <> :none
        AND NOT EXISTS (SELECT FROM workspaces WHERE workspaces.id = tags.workspace_id)
""")
_COUNT_CLICKS = text("""
    UPDATE tags SET clicks = coalesce(counted.clicks, 0)
    FROM tags AS each LEFT JOIN (
        SELECT coalesce(tags.merged_into, tags.id) AS id, sum(click_totals.clicks) AS clicks
        FROM links CROSS JOIN unnest(links.tag_ids) AS tag_id JOIN tags ON tags.id = tag_id
            JOIN click_totals ON click_totals.link_id = links.id
        WHERE links.tag_ids IS NOT NULL AND links.deleted_at IS NULL
        GROUP BY 1
    ) AS counted ON counted.id = each.id
    WHERE tags.id = each.id AND NOT each.is_gone AND tags.clicks <> coalesce(counted.clicks, 0)
""")


async def tidy_tags(ctx: dict[str, Any]) -> int:
    """Add up how many links the tags have, and take tags that are gone from their links; returns the number of links
    that were written again."""
    database = ctx["parts"][DATABASE]
    async with database.engine.begin() as connection:
        await connection.execute(_FOLD)
        gone = list((await connection.execute(_GONE)).scalars())
    return sum([await _take(ctx["parts"], id_) for id_ in gone])


async def _take(parts: Parts, id_: int) -> int:
    total = 0
    while True:
        async with parts[DATABASE].engine.begin() as connection:
            taken = (await connection.execute(_TAKE, {"id": id_, "limit": LINKS_AT_ONCE})).rowcount
            if taken == 0:
                await connection.execute(_FORGET, {"id": id_})
                return total
            total += taken


async def count_clicks_of_tags(ctx: dict[str, Any]) -> None:
    """Add up the clicks of each tag's links, and forget the tags of workspaces that were deleted."""
    async with ctx["parts"][DATABASE].engine.begin() as connection:
        await connection.execute(_FORGET_HOMELESS, {"none": NO_WORKSPACE})
        await connection.execute(_COUNT_CLICKS)
