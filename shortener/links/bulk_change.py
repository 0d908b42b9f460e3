"""Changes of many links by one request."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Self

import orjson
from pydantic import BaseModel, Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import Caller, WorkspaceRef, writable
from shortener.errors import InvalidField, ShortenerError
from shortener.http.json_body import RequestBody
from shortener.http.problems import Problem, document_of
from shortener.links.creation import lock_writable
from shortener.links.eviction import Eviction
from shortener.links.filters import LinkFilter
from shortener.links.idempotency import claim
from shortener.links.listing import matching
from shortener.links.models import Link
from shortener.links.schemas import MAX_BULK, LinkUpdate
from shortener.links.service import LinkService, delete_one
from shortener.stores.database import driver_in
from shortener.tags.names import MAX_TAGS_OF_LINK, TagNames

# Links that are read and written together: the process answers redirects in between.
_AT_ONCE = 50
# Members of one link alone.
_SINGLE = {"code", "keep_old_code", "password", "tags", "updated_at"}


class ChosenLinks(RequestBody):
    """Links by their codes, or all for which the filter holds."""

    codes: list[str] | None = Field(
        None, min_length=1, max_length=MAX_BULK, description="Codes or ids.", examples=[["k7Rm2pX", "spring-sale"]]
    )
    filter: LinkFilter | None = Field(None, description=f"The first {MAX_BULK:,} links for which it holds.")
    workspace: WorkspaceRef | None = Field(
        None, description="Where the filter looks. Default: your personal workspace."
    )
    dry_run: bool = Field(False, description="Answer what would be done, and do nothing.")

    @model_validator(mode="after")
    def _is_clear(self) -> Self:
        if (self.codes is None) == (self.filter is None):
            raise ValueError("name either `codes` or `filter`")
        return self


class LinksChange(ChosenLinks):
    set: LinkUpdate = Field(LinkUpdate(), description="As for one link, without `code`, `password` and `tags`.")
    add_tags: TagNames = Field([])
    remove_tags: TagNames = Field([])

    @model_validator(mode="after")
    def _is_for_many(self) -> Self:
        if named := _SINGLE & self.set.model_fields_set:
            raise ValueError(f"`set` cannot name {', '.join(sorted(named))} for many links")
        return self


class LinkResult(BaseModel):
    code: str
    status: int = Field(description="The status of a request for this link alone.")
    changed: list[str] = Field(description="Members whose values are others than before.")
    problem: Problem | SkipJsonSchema[None] = None


class LinksResult(BaseModel):
    results: list[LinkResult]
    done: int
    failed: int
    more: bool = Field(description="Whether the filter holds for more links. Send the request again.")


class Once(NamedTuple):
    """By which a repeated request is known: whose it is, its `Idempotency-Key` (None for none), and what it asks
    for."""

    client: str
    key: str | None
    fingerprint: bytes


class Result(NamedTuple):
    """The outcome for one link: the members that have changed, or an error."""

    code: str
    status: int
    outcome: list[str] | ShortenerError


def answer(results: Sequence[Result], more: bool) -> bytes:
    """The answer as `LinksResult` describes it."""
    failed = sum(isinstance(result.outcome, ShortenerError) for result in results)
    return orjson.dumps(
        {"results": [_item(each) for each in results], "done": len(results) - failed, "failed": failed, "more": more}
    )


def _item(result: Result) -> dict[str, object]:
    item = {"code": result.code, "status": result.status}
    if not isinstance(result.outcome, ShortenerError):
        return item | {"changed": result.outcome}
    problem = document_of(result.outcome)
    if "errors" in problem:
        # Pointers lead through the body of the whole request.
        problem["errors"] = [
            {**fault, "field": fault["field"] if fault["field"] == "/add_tags" else f"/set{fault['field']}"}
            for fault in problem["errors"]
        ]
    return item | {"changed": [], "problem": problem}


class ManyLinks:
    """Changes and deletes many links in one transaction. An error of one of them does not stop the others."""

    def __init__(self, links: LinkService, evict: Eviction, base_url: str) -> None:
        self._links = links
        self._evict = evict
        self._base_url = base_url

    async def change(self, session: AsyncSession, caller: Caller, request: LinksChange, once: Once) -> bytes:
        """The answer. Raises UnknownWorkspace, InsufficientRole, IdempotencyKeyReused."""

        async def change(link: Link) -> tuple[list[str], list[str]]:
            tags = _new_tags(link, request) if request.add_tags or request.remove_tags else None
            return await self._links.change_one(session, caller, link, request.set, tags=tags)

        async def lock() -> None:
            if "workspace" in request.set.model_fields_set:
                await lock_writable(session, caller, request.set.workspace)

        return await self._do(session, caller, request, once, 200, change, lock)

    async def delete(self, session: AsyncSession, caller: Caller, request: ChosenLinks, once: Once) -> bytes:
        """The answer. Raises UnknownWorkspace, InsufficientRole, IdempotencyKeyReused."""

        async def delete(link: Link) -> tuple[list[str], list[str]]:
            if link.deleted_at is not None:  # The request names it by another of its codes, too.
                return [], []
            delete_one(session, link)
            return ["deleted"], [link.code]

        return await self._do(session, caller, request, once, 204, delete, _nothing)

    async def _do(
        self,
        session: AsyncSession,
        caller: Caller,
        request: ChosenLinks,
        once: Once,
        status: int,
        act: Callable[[Link], Awaitable[tuple[list[str], list[str]]]],
        lock: Callable[[], Awaitable[None]],
    ) -> bytes:
        evicted: list[str] = []
        async with session.begin() as transaction:
            # Before an answer is given again: the role may be gone by now.
            await lock()
            workspace = None
            if request.filter is not None:
                workspace = await writable(await driver_in(session), caller, request.workspace)
            record = None
            if once.key is not None and not request.dry_run:
                record, is_new = await claim(session, once.client, once.key, once.fingerprint)
                if not is_new:
                    return record.answer or b""
            codes, more = await self._chosen(session, request, workspace)
            results = []
            for start in range(0, len(codes), _AT_ONCE):
                found = await self._links.find_many_locked(session, caller, codes[start : start + _AT_ONCE])
                for code, link in found.items():
                    result, evictable = await _result(code, link, status, act)
                    results.append(result)
                    evicted += evictable
                await session.flush()
            written = answer(results, more)
            if record is not None:
                record.answer = written
            if request.dry_run:
                await transaction.rollback()
        if not request.dry_run:
            await self._evict(*evicted)
        return written

    async def _chosen(
        self, session: AsyncSession, request: ChosenLinks, workspace: uuid.UUID | None
    ) -> tuple[list[str], bool]:
        """The codes that the request means, in the order in which every request locks them, and whether there are
        more. `workspace` is where the filter looks."""
        if request.filter is None:
            return sorted(set(request.codes or ())), False
        found = matching(workspace, request.filter, self._base_url).with_only_columns(Link.code).order_by(Link.code)
        codes = list(await session.scalars(found.limit(MAX_BULK + 1)))
        return codes[:MAX_BULK], len(codes) > MAX_BULK


async def _result(
    code: str, link: Link | ShortenerError, status: int, act: Callable[[Link], Awaitable[tuple[list[str], list[str]]]]
) -> tuple[Result, list[str]]:
    """The result of one link, and the codes to evict."""
    try:
        if isinstance(link, ShortenerError):
            raise link
        changed, codes = await act(link)
    except ShortenerError as error:
        return Result(code, error.status, error), []
    return Result(code, status, changed), codes if changed else []


async def _nothing() -> None:
    return


def _new_tags(link: Link, request: LinksChange) -> list[str]:
    """Raises InvalidField."""
    tags = sorted({*(link.tag_names or ()), *request.add_tags} - {*request.remove_tags})
    if len(tags) > MAX_TAGS_OF_LINK:
        raise InvalidField("/add_tags", f"a link has at most {MAX_TAGS_OF_LINK} tags")
    return tags
