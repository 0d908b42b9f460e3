"""Adding, verifying, changing and removing domains. Every process follows a change within a second."""

import secrets
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis
from sqlalchemy import Select, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import Caller, UnknownWorkspace, readable
from shortener.access.models import Member, Role, Workspace
from shortener.audit.trail import Action, domain_subject, record
from shortener.domains.errors import DomainNotFound, DomainNotVerified, DomainTaken, InvalidHost, TooManyDomains
from shortener.domains.models import Domain
from shortener.domains.proofs import Lookup, is_recorded, mark, record_name, record_value
from shortener.domains.schemas import DomainUpdate
from shortener.links.checks import InvalidDestination
from shortener.links.directory import DOMAINS_CHANNEL, Directory
from shortener.links.filters import LinkFilter, conditions
from shortener.links.models import Link
from shortener.redirect.cache import evict
from shortener.screening.destinations import read_destination
from shortener.screening.hosts import is_public_suffix
from shortener.screening.policy import LinkPolicy
from shortener.stores.database import driver_in
from shortener.stores.invalidations import report
from shortener.workspaces.service import own

MAX_DOMAINS = 100
LOOPS_SHOWN = 100
_URLS = ("root_url", "not_found_url", "expired_url")

# Codes of other workspaces on this domain. "0" follows "/" in the order of the index. A code that still holds an alias
# has no workspace of its own.
_TAKE_CODES = text("""
    UPDATE links SET code = :host || '~' || :id || substr(code, length(:host) + 1)
    WHERE code >= :host || '/' AND code < :host || '0'
        AND coalesce((SELECT workspace_id FROM links AS l WHERE l.id = links.alias_of), workspace_id)
            IS DISTINCT FROM :workspace_id
    RETURNING :host || substr(code, strpos(code, '/'))
""")


class DomainService:
    """`base_url` is needed to search for links."""

    def __init__(self, redis: Redis, directory: Directory, policy: LinkPolicy, look_up: Lookup, base_url: str) -> None:
        self._redis = redis
        self._directory = directory
        self._policy = policy
        self._look_up = look_up
        self._base_url = base_url

    async def find(self, session: AsyncSession, caller: Caller, workspace: uuid.UUID | None) -> Sequence[Domain]:
        """The domains of a workspace, or of all that the caller sees, by their names. Raises UnknownWorkspace."""
        seen = _seen(caller)
        async with session.begin():
            if workspace is not None:
                await readable(await driver_in(session), caller, workspace)
                seen = seen.where(Domain.workspace_id == workspace)
            return (await session.scalars(seen.order_by(Domain.host, Domain.id))).all()

    async def get(self, session: AsyncSession, caller: Caller, host: str) -> Domain:
        """A domain that the caller sees. Raises DomainNotFound."""
        async with session.begin():
            return await _found(session, caller, host)

    async def add(self, session: AsyncSession, caller: Caller, host: str, workspace: uuid.UUID | None) -> Domain:
        """Claim a host, or give the claim that is there. Raises InvalidHost, TooManyDomains, UnknownWorkspace,
        InsufficientRole."""
        self._check_host(host)
        async with session.begin():
            workspace = await readable(await driver_in(session), caller, workspace)
            if workspace is None:
                # Links without an owner have no domains.
                raise UnknownWorkspace
            await _own(session, caller, workspace)
            theirs = Domain.workspace_id == workspace
            domain = await session.scalar(select(Domain).where(theirs, Domain.host == host))
            if domain is not None:
                return domain
            live = select(func.count()).select_from(Domain).where(theirs, Domain.removed_at.is_(None))
            if (await session.scalar(live) or 0) >= MAX_DOMAINS:
                raise TooManyDomains(f"The workspace has {MAX_DOMAINS} domains.")
            domain = Domain(host=host, workspace_id=workspace, token=secrets.token_urlsafe(16))
            session.add(domain)
            record(session, Action.DOMAIN_ADDED, domain_subject(host))
            await session.flush()
            await session.refresh(domain)
        return domain

    async def verify(self, session: AsyncSession, caller: Caller, host: str) -> Domain:
        """Look up the record; a domain that was removed is back. Raises DomainNotFound, DomainNotVerified, DomainTaken,
        InsufficientRole."""
        async with session.begin():
            domain = await _owned(session, caller, host)
        is_found = domain.is_trusted or await is_recorded(self._look_up, domain)
        async with session.begin():
            await _own(session, caller, domain.workspace_id)
            await session.refresh(domain, with_for_update=True)
            if is_found:
                moved = await self._take(session, domain)
            else:
                mark(domain, is_found=False)
        if not is_found:
            await self._tell(host)
            raise DomainNotVerified(
                f"The TXT record {record_name(host)} with the value {record_value(domain)} was not found."
            )
        await self._tell(host, moved)
        return domain

    async def trust(self, session: AsyncSession, host: str) -> Domain:
        """Verify without a lookup, because an admin vouches for it: the oldest claim, unless one is held. Raises
        DomainNotFound."""
        claims = select(Domain).where(Domain.host == host).with_for_update()
        async with session.begin():
            domain = await session.scalar(claims.order_by(Domain.verified_at.is_(None), Domain.id).limit(1))
            if domain is None:
                raise DomainNotFound(host)
            domain.is_trusted = True
            moved = await self._take(session, domain)
        await self._tell(host, moved)
        return domain

    async def change(self, session: AsyncSession, caller: Caller, host: str, request: DomainUpdate) -> Domain:
        """Raises DomainNotFound, InsufficientRole, InvalidDestination, RefusedDestination."""
        asked = request.model_fields_set
        changes: dict[str, Any] = {
            name: self._checked_url(getattr(request, name), name) for name in _URLS if name in asked
        }
        if "is_default" in asked:
            changes["is_default"] = request.is_default
        async with session.begin():
            domain = await _owned(session, caller, host)
            changed = [name for name, value in changes.items() if getattr(domain, name) != value]
            if "is_default" in changed and request.is_default:
                others = Domain.workspace_id == domain.workspace_id, Domain.is_default
                await session.execute(update(Domain).where(*others).values(is_default=False, updated_at=func.now()))
            for name in changed:
                setattr(domain, name, changes[name])
            if changed:
                domain.updated_at = datetime.now(UTC)
                record(session, Action.DOMAIN_CHANGED, domain_subject(host), fields=sorted(changed))
        if changed:
            await self._tell(host)
        return domain

    async def remove(self, session: AsyncSession, caller: Caller, host: str) -> None:
        """Its links stay, and answer 404 until it is verified again. Raises DomainNotFound, InsufficientRole."""
        async with session.begin():
            domain = await _owned(session, caller, host)
            domain.removed_at = domain.updated_at = datetime.now(UTC)
            domain.is_default = False
            if domain.verified_at is None:
                # It never had links.
                await session.delete(domain)
            record(session, Action.DOMAIN_REMOVED, domain_subject(host))
        await self._tell(host)

    async def loops(self, session: AsyncSession, domain: Domain) -> Sequence[str]:
        """Codes of the workspace's live links that lead to the domain, at most 100."""
        leads_there = conditions(LinkFilter(host=domain.host), self._base_url)
        codes = select(Link.code).where(Link.workspace_id == domain.workspace_id, *leads_there)
        async with session.begin():
            return (await session.scalars(codes.order_by(Link.code).limit(LOOPS_SHOWN))).all()

    def _check_host(self, host: str) -> None:
        """Raises InvalidHost."""
        if "." not in host or host.startswith("[") or host.replace(".", "").isdigit():
            raise InvalidHost("a domain is a name such as go.example.com")
        if is_public_suffix(host):
            raise InvalidHost("strangers register names under this one")
        if host in self._directory.own.names and self._directory.workspace_of(host) is None:
            raise InvalidHost("this is the service's own host")

    def _checked_url(self, url: str | None, name: str) -> str | None:
        if url is None:
            return None
        try:
            destination = read_destination(url, self._directory.own)
        except ValueError as error:
            raise InvalidDestination(str(error), f"/{name}") from None
        self._policy.check(destination.host, is_anonymous=False, field=f"/{name}")
        return destination.url

    async def _take(self, session: AsyncSession, domain: Domain) -> list[str]:
        """The domain is verified, in the session's transaction; returns codes to evict. Others who held the host lose
        it if their claim no longer stands, and their links with it. Raises DomainTaken."""
        claims = select(Domain).where(Domain.host == domain.host, Domain.id != domain.id).with_for_update()
        for other in await session.scalars(claims.where(Domain.verified_at.is_not(None))):
            if other.removed_at is None and other.failing_since is None:
                raise DomainTaken(domain.host)
            other.verified_at, other.is_default = None, False
        await session.flush()
        is_new = domain.verified_at is None or domain.removed_at is not None
        mark(domain, is_found=True)
        domain.verified_at, domain.removed_at = domain.verified_at or datetime.now(UTC), None
        if not is_new:
            return []
        record(session, Action.DOMAIN_VERIFIED, domain_subject(domain.host), is_trusted=domain.is_trusted)
        mine = {"host": domain.host, "id": str(domain.id), "workspace_id": domain.workspace_id}
        return list(await session.scalars(_TAKE_CODES, mine))

    async def _tell(self, host: str, codes: Sequence[str] = ()) -> None:
        """Every process is to know, this one first."""
        await self._directory.mirror.refresh()
        await report(self._redis, DOMAINS_CHANNEL, host)
        if codes:
            await evict(self._redis, codes)


def _seen(caller: Caller) -> Select[Domain]:
    """Domains of workspaces that the caller is a member of. The operator sees all."""
    if caller.is_operator:
        return select(Domain)
    return (
        select(Domain).join(Member, Member.workspace_id == Domain.workspace_id).where(Member.user_id == caller.user_id)
    )


async def _found(session: AsyncSession, caller: Caller, host: str) -> Domain:
    """Of several claims the verified one, else the first; those of workspaces that a user owns come before others.
    Raises DomainNotFound."""
    claims = _seen(caller).where(Domain.host == host)
    if not caller.is_operator:
        claims = claims.order_by(Member.role != Role.OWNER)
    domain = await session.scalar(claims.order_by(Domain.verified_at.is_(None), Domain.id).limit(1))
    if domain is None:
        raise DomainNotFound(host)
    return domain


async def _owned(session: AsyncSession, caller: Caller, host: str) -> Domain:
    """A domain to be changed. Raises DomainNotFound, InsufficientRole."""
    domain = await _found(session, caller, host)
    await _own(session, caller, domain.workspace_id)
    await session.refresh(domain, with_for_update=True)
    return domain


async def _own(session: AsyncSession, caller: Caller, workspace_id: uuid.UUID) -> None:
    """Lock the workspace, if the caller may do there what owners do. Raises UnknownWorkspace, InsufficientRole."""
    if caller.user_id is not None:
        await own(session, workspace_id, caller.user_id)
    elif not caller.is_operator or not await session.get(Workspace, workspace_id, with_for_update={"key_share": True}):
        raise UnknownWorkspace
