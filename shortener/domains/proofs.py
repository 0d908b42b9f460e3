"""The TXT record that proves whose domain a host is."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.domains.errors import DomainNotVerified
from shortener.domains.lookups import LookupFailed
from shortener.domains.models import Domain

log = structlog.get_logger(__name__)

CHECK_INTERVAL = timedelta(days=1)

# Gives the texts of the TXT records of a name. Raises LookupFailed.
Lookup = Callable[[str], Awaitable[list[str]]]


def record_name(host: str) -> str:
    return f"_shortener.{host}"


def record_value(domain: Domain) -> str:
    return f"shortener-verification={domain.token}"


async def is_recorded(look_up: Lookup, domain: Domain) -> bool:
    """Whether the domain has its record. Raises DomainNotVerified if no name server can say."""
    try:
        texts = await look_up(record_name(domain.host))
    except LookupFailed as error:
        raise DomainNotVerified(f"No name server answered for {record_name(domain.host)}: {error}") from None
    return record_value(domain) in texts


def mark(domain: Domain, *, is_found: bool) -> None:
    """Note what a lookup has found."""
    domain.checked_at = domain.updated_at = datetime.now(UTC)
    if is_found:
        domain.failing_since = None
    elif domain.verified_at is not None and domain.failing_since is None:
        domain.failing_since = domain.checked_at


async def due(session: AsyncSession, limit: int) -> list[int]:
    """Ids of domains whose record was not looked up for a day, the longest first."""
    late = or_(Domain.checked_at.is_(None), Domain.checked_at < func.now() - CHECK_INTERVAL)
    live = Domain.verified_at.is_not(None), Domain.removed_at.is_(None), ~Domain.is_trusted
    async with session.begin():
        found = await session.scalars(select(Domain.id).where(*live, late).order_by(Domain.checked_at).limit(limit))
        return list(found)


async def check_again(session: AsyncSession, look_up: Lookup, domain_id: int) -> None:
    """Look up the record of a verified domain. One whose record is gone goes on working."""
    async with session.begin():
        domain = await session.get_one(Domain, domain_id)
    try:
        is_found = await is_recorded(look_up, domain)
    except DomainNotVerified as error:
        # It says nothing of the record.
        log.warning("domain_not_looked_up", host=domain.host, reason=error.detail)
        is_found = domain.failing_since is None
    async with session.begin():
        await session.refresh(domain, with_for_update=True)
        mark(domain, is_found=is_found)
    if not is_found:
        log.warning("domain_record_gone", host=domain.host)
