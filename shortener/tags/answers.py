"""Tags as the API gives them."""

from shortener.tags.schemas import TagOut
from shortener.tags.service import TagRow


def tag_out(row: TagRow) -> TagOut:
    tag, links = row
    return TagOut(
        name=tag.name,
        color=tag.color,
        description=tag.description,
        links=links,
        clicks=tag.clicks,
        created_at=tag.created_at,
    )
