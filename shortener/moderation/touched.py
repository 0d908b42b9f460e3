"""How many links a ban of a host would take down."""

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.links.filters import HOST_PATTERN, searched
from shortener.links.models import Link

MAX_TOUCHED = 10_000


async def links_to_host(session: AsyncSession, host: str) -> int:
    """Links that lead to the host or a subdomain of it, as `read_host` gives it; MAX_TOUCHED means as many or more."""
    found = func.substring(Link.url, HOST_PATTERN)
    # The first condition finds them by the index of the search.
    leads_there = searched(host), or_(found == host, found.endswith(f".{host}", autoescape=True))
    live = select(Link.id).where(Link.deleted_at.is_(None), Link.ban_id.is_(None), *leads_there).limit(MAX_TOUCHED)
    async with session.begin():
        return await session.scalar(select(func.count()).select_from(live.subquery())) or 0
