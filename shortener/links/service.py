"""Reading links and changing them, one at a time. Each method is one short transaction; evicting follows the commit."""

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from shortener.access.memberships import Caller
from shortener.audit.trail import Action, link_subject, record
from shortener.errors import Conflict, ShortenerError
from shortener.hashing.passwords import PasswordHashes
from shortener.links.aliases import add_alias, codes_of, remove_alias, rename
from shortener.links.checks import LinkChecks, changed_options, check_order
from shortener.links.codes import CUSTOM_CODE, is_reserved
from shortener.links.creation import LinkCreation, lock_writable
from shortener.links.directory import DomainStays
from shortener.links.eviction import Eviction
from shortener.links.inserts import CodeTaken
from shortener.links.limits import begin_limit
from shortener.links.lookup import Lookup, UnknownLink
from shortener.links.models import Link
from shortener.links.readable import readable_url
from shortener.links.schemas import CodeState, LinkOptions, LinkPut, LinkUpdate
from shortener.redirect.hosts import qualified, split_code
from shortener.screening.checks import ask_again
from shortener.screening.policy import LinkPolicy
from shortener.stores.database import driver_of
from shortener.tags.assignment import tag_ids

# Columns whose field in a request has another name, or that follow from it.
_FIELDS = {
    "is_disabled": "disabled",
    "is_archived": "archived",
    "workspace_id": "workspace",
    "password_hash": "password",
    "tag_ids": "tags",
    "flag": "url",
    "has_warning": "url",
}
# Somebody else may create or delete the link between the two steps of one.
_PUT_TRIES = 3


class BannedLinkStays(Conflict):
    """A banned link cannot be moved to another workspace, and cannot get another code."""

    type, title = "banned-link-stays", "Banned link stays"

    def __init__(self) -> None:
        super().__init__("A banned link stays in its workspace and keeps its code until the ban is lifted.")


class ChangedMeanwhile(Conflict):
    """The link was changed after the moment that `updated_at` or `If-Unmodified-Since` names.

    Read the link, and decide again.
    """

    type, title = "changed-meanwhile", "Changed meanwhile"

    def __init__(self) -> None:
        super().__init__("The link was changed meanwhile. Nothing was done.")


class LinkService:
    """Reads, changes and deletes links."""

    def __init__(
        self, creation: LinkCreation, checks: LinkChecks, policy: LinkPolicy, hashes: PasswordHashes, evict: Eviction
    ) -> None:
        self._creation = creation
        self._checks = checks
        self._policy = policy
        self._hashes = hashes
        self._evict = evict
        self._lookup = Lookup(checks.stored_code)

    async def get(self, session: AsyncSession, caller: Caller, code: str) -> tuple[Link, int]:
        """A link of the caller's and its clicks. Raises UnknownLink for a link of somebody else, too."""
        async with session.begin():
            return await self._lookup.find(session, caller, code)

    async def find(self, session: AsyncSession, caller: Caller, code: str) -> Link:
        """A link of the caller's, in the session's transaction. Raises UnknownLink."""
        link, _ = await self._lookup.find(session, caller, code)
        return link

    async def update(
        self,
        session: AsyncSession,
        caller: Caller,
        code: str,
        request: LinkUpdate,
        unmodified_since: datetime | None = None,
    ) -> tuple[Link, int]:
        """Change what the request names; a request that changes nothing leaves no trace. Raises UnknownLink,
        ChangedMeanwhile, CodeTaken, InsufficientRole, BannedLinkStays, UnknownWorkspace for where it is moved to, and
        what `LinkChecks.changes` raises."""
        password_hash = await self._hash_of(request)
        async with session.begin():
            if request.workspace is not None and "workspace" in request.model_fields_set:
                # Before the link, as who deletes the workspace locks them.
                await lock_writable(session, caller, request.workspace)
            link, clicks = await self._lookup.find_locked(session, caller, code)
            _check_unchanged(link, request, unmodified_since)
            changed, evicted = await self.change_one(session, caller, link, request, password_hash)
            if changed:
                await _read_tags(session, link)
        if changed:
            await self._evict(*evicted)
        return link, clicks

    async def state_of(self, session: AsyncSession, code: str, domain: str | None = None) -> CodeState:
        """Whether a link could get this code on the domain."""
        if CUSTOM_CODE.fullmatch(code) is None:
            return CodeState.MALFORMED
        if is_reserved(code):
            return CodeState.RESERVED
        stored_code = qualified(self._checks.stored_code(code), domain)
        async with session.begin():
            taken = await session.scalar(select(Link.id).where(Link.code == stored_code))
        return CodeState.FREE if taken is None else CodeState.TAKEN

    async def find_many_locked(
        self, session: AsyncSession, caller: Caller, names: Sequence[str]
    ) -> dict[str, Link | ShortenerError]:
        """Links that the session's transaction will change, or UnknownLink or InsufficientRole."""
        return await self._lookup.find_many_locked(session, caller, names)

    async def change_one(
        self,
        session: AsyncSession,
        caller: Caller,
        link: Link,
        request: LinkUpdate,
        password_hash: dict[str, str | None] | None = None,
        tags: Sequence[str] | None = None,
    ) -> tuple[list[str], list[str]]:
        """Change a link that is locked. The members whose values differ from before, and the codes to evict once it is
        committed. `tags` replace those that the request names. Raises what `update` raises."""
        changes = self._checks.changes(request, caller.is_anonymous, link.options) | (password_hash or {})
        changes |= await self._tag_changes(session, link, request, caller.is_anonymous, tags)
        check_order(changes.get("starts_at", link.starts_at), changes.get("expires_at", link.expires_at))
        code = self._changed_code(link, request)
        _check_move(link, changes.get("workspace_id", link.workspace_id), code)
        if "expires_at" in changes and caller.is_anonymous:
            changes["expires_at"] = self._policy.expiry(changes["expires_at"], link.created_at)
        if changes.get("url", link.url) != link.url or "options" in changes:
            await ask_again(session, link.id)
        if changes.get("max_clicks") is not None:
            await begin_limit(session, link.id)
        evicted = [link.code]
        changed = _set(link, changes)
        if code != link.code:
            evicted = await codes_of(session, link)
            changed += await rename(session, link, code, request.keep_old_code)
        if changed:
            record(session, Action.LINK_CHANGED, link_subject(link.code), fields=changed)
        return changed, list(dict.fromkeys([*evicted, link.code]))

    def _changed_code(self, link: Link, request: LinkUpdate) -> str:
        """The link's code on its domain, as the request asks for. Raises UnknownDomain."""
        domain, code = split_code(link.code)
        if "code" in request.model_fields_set:
            code = self._checks.stored_code(request.code)
        if "domain" in request.model_fields_set and request.domain != domain:
            domain = request.domain
            if domain is not None:
                self._checks.directory.check(domain, link.workspace_id)
        return qualified(code, domain)

    async def delete(self, session: AsyncSession, caller: Caller, code: str) -> None:
        """Raises UnknownLink, InsufficientRole. Figures and the code stay; the code is not handed out again."""
        async with session.begin():
            link, _ = await self._lookup.find_locked(session, caller, code)
            delete_one(session, link)
        await self._evict(link.code)

    async def restore(self, session: AsyncSession, caller: Caller, code: str) -> tuple[Link, int]:
        """Give a deleted link back, with all that it had. Raises UnknownLink, also for one that was deleted too long
        ago, and InsufficientRole."""
        async with session.begin():
            link, clicks = await self._lookup.find_deleted(session, caller, code)
            link.deleted_at, link.updated_at = None, datetime.now(UTC)
            record(session, Action.LINK_RESTORED, link_subject(link.code))
            await _read_tags(session, link)
        await self._evict(link.code)
        return link, clicks

    async def put(self, session: AsyncSession, caller: Caller, code: str, request: LinkPut) -> tuple[Link, int, bool]:
        """Create the link of this code, or replace all of it but its figures and aliases; and whether it is new.
        Raises CodeTaken for a code of somebody else, and what `create` and `update` raise."""
        places = {"code", "domain", "workspace"}
        replaced = LinkPut.model_fields.keys() - places | (request.model_fields_set & {"workspace"})
        update = LinkUpdate.model_construct(set(replaced), **{name: getattr(request, name) for name in replaced})
        for _ in range(_PUT_TRIES):
            try:
                return *await self.update(session, caller, qualified(code, request.domain), update), False
            except UnknownLink:
                pass
            # The same request names the same link, whichever domain is the default.
            new = request.model_copy(update={"code": code, "domain": request.domain})
            with contextlib.suppress(CodeTaken):
                return await self._creation.create(caller, new), 0, True
        raise CodeTaken(code)

    async def aliases(self, session: AsyncSession, caller: Caller, code: str) -> list[str]:
        """The link's other codes, in order. Raises UnknownLink."""
        link, _ = await self.get(session, caller, code)
        return (await codes_of(session, link))[1:]

    async def add_alias(self, session: AsyncSession, caller: Caller, code: str, alias: str) -> str:
        """The alias as it is stored. Raises UnknownLink, CodeTaken, TooManyAliases, InsufficientRole."""
        async with session.begin():
            link, _ = await self._lookup.find_locked(session, caller, code)
            alias = qualified(self._checks.stored_code(alias), split_code(link.code)[0])
            await add_alias(session, link, alias)
            record(session, Action.LINK_CHANGED, link_subject(link.code), fields=["aliases"])
        await self._evict(alias)
        return alias

    async def remove_alias(self, session: AsyncSession, caller: Caller, code: str, alias: str) -> None:
        """Raises UnknownLink, UnknownAlias, InsufficientRole."""
        alias = self._checks.stored_code(alias)
        async with session.begin():
            link, _ = await self._lookup.find_locked(session, caller, code)
            # Those on the link's own domain come first, which it may not always have been on.
            aliases = [other for other in (await codes_of(session, link))[1:] if split_code(other)[1] == alias]
            same = qualified(alias, split_code(link.code)[0])
            alias = same if same in aliases or not aliases else aliases[0]
            await remove_alias(session, link, alias)
            record(session, Action.LINK_CHANGED, link_subject(link.code), fields=["aliases"])
        await self._evict(alias)

    async def _hash_of(self, request: LinkOptions) -> dict[str, str | None]:
        """The column that a change of the password sets. Before the transaction: to hash takes long."""
        if "password" not in request.model_fields_set:
            return {}
        return {"password_hash": None if request.password is None else await self._hashes.hash(request.password)}

    async def _tag_changes(
        self,
        session: AsyncSession,
        link: Link,
        request: LinkUpdate,
        is_anonymous: bool,
        tags: Sequence[str] | None,
    ) -> dict[str, list[int] | None]:
        """The column that a change of the tags sets, or a move: each workspace has tags of its own.
        Raises TagsNeedOwner, TooManyTags."""
        asked = request.model_fields_set
        workspace_id = request.workspace if "workspace" in asked else link.workspace_id
        if tags is None and "tags" in asked:
            tags = self._checks.tags(request, is_anonymous)
        if tags is None and (link.tag_ids is None or workspace_id == link.workspace_id):
            return {}
        names = (link.tag_names or []) if tags is None else tags
        ids = await tag_ids(await driver_of(await session.connection()), workspace_id, names)
        return {"tag_ids": sorted(ids.values()) or None}


async def _read_tags(session: AsyncSession, link: Link) -> None:
    """SQLAlchemy forgets the names as soon as it writes the row."""
    await session.flush()
    if link.tag_ids is None:
        set_committed_value(link, "tag_names", None)
    else:
        await session.refresh(link, ["tag_names"])


def delete_one(session: AsyncSession, link: Link) -> None:
    """Delete a link that is locked. Evict it once that is committed."""
    link.deleted_at = link.updated_at = datetime.now(UTC)
    record(session, Action.LINK_DELETED, link_subject(link.code))


def _set(link: Link, changes: Mapping[str, Any]) -> list[str]:
    """Set these columns; returns the fields whose values are others than before."""
    changed = [name for name, value in changes.items() if getattr(link, name) != value]
    options = changed_options(link.options, changes["options"]) if "options" in changed else []
    for name in changed:
        setattr(link, name, changes[name])
    if "url" in changed:
        link.readable_url = readable_url(link.url)
    if changed:
        link.updated_at = datetime.now(UTC)
    fields = {_FIELDS.get(name, name) for name in changed if name != "options"}
    return sorted(fields.union(options))


def _check_unchanged(link: Link, request: LinkUpdate, unmodified_since: datetime | None) -> None:
    """Headers have whole seconds. Raises ChangedMeanwhile."""
    is_other = "updated_at" in request.model_fields_set and request.updated_at != link.updated_at
    if is_other or (unmodified_since is not None and link.updated_at.replace(microsecond=0) > unmodified_since):
        raise ChangedMeanwhile


def _check_move(link: Link, workspace: uuid.UUID | None, code: str) -> None:
    """An admin who lifts a ban finds the link where it was banned."""
    if link.ban_id is not None and (workspace != link.workspace_id or code != link.code):
        raise BannedLinkStays
    domain = split_code(code)[0]
    if domain is not None and workspace != link.workspace_id:
        raise DomainStays(domain)
