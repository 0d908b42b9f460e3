"""/api/v1/links"""

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi import status as http

from shortener.access.memberships import InsufficientRole, UnknownWorkspace
from shortener.access.routes import ApiRoute, CallerDep, Opening, needs
from shortener.access.scopes import Scope
from shortener.http.openapi import errors
from shortener.limits.parts import client_name
from shortener.links.aliases import TooManyAliases, UnknownAlias
from shortener.links.checks import REFUSALS
from shortener.links.directory import DomainStays
from shortener.links.idempotency import IdempotencyKeyReused
from shortener.links.inserts import CodeTaken
from shortener.links.models import Link

# A thousand of the longest URLs, each with the longest title, whose characters JSON writes in six bytes each. A parser
# takes 1.3 to 2.1 ms per MB to find the links in it, in one piece.
from shortener.links.routes import (
    TAG,
    CodePath,
    Creation,
    DomainQuery,
    ExistingCode,
    HttpDate,
    IdempotencyHeader,
    Links,
    NewCode,
    link_out,
)
from shortener.links.schemas import (
    AliasCreate,
    AliasList,
    AliasOut,
    CodeOut,
    LinkCreate,
    LinkOut,
    LinkPut,
    LinkUpdate,
)
from shortener.links.service import BannedLinkStays, ChangedMeanwhile
from shortener.links.testing import MadeUpRequest, RulesVerdict, judge
from shortener.parts import parts_of
from shortener.places.locator import Locator
from shortener.places.parts import LOCATOR
from shortener.redirect.errors import LinkNotFound
from shortener.redirect.hosts import short_url, split_code
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/api/v1/links", tags=[TAG], route_class=ApiRoute)


@router.post(
    "",
    status_code=http.HTTP_201_CREATED,
    response_model=LinkOut,
    responses={
        200: {"description": "The link was there, and `reuse` asked for it.", "model": LinkOut},
        201: {"headers": {"Location": {"description": "The new link.", "schema": {"type": "string"}}}},
        **errors(UnknownWorkspace, InsufficientRole, CodeTaken, IdempotencyKeyReused, *REFUSALS),
    },
    dependencies=[needs(Scope.LINKS_WRITE, Opening.CREATE)],
)
async def create_link(
    body: LinkCreate,
    request: Request,
    session: Writer,
    caller: CallerDep,
    creation: Creation,
    idempotency_key: IdempotencyHeader = None,
) -> Response:
    """Shorten a URL. With an `Idempotency-Key` a repeated request gives the first one's answer, whatever has become of
    the link since. With `reuse` a link that is there and does the same is given instead of another."""

    def written(link: Link, clicks: int) -> bytes:
        return link_out(request, link, clicks).model_dump_json(by_alias=True).encode()

    if idempotency_key is None:
        link, clicks, is_new = await creation.create_or_reuse(session, caller, body)
        answer = written(link, clicks)
    else:
        answer, is_new = await creation.create_once(
            session, caller, body, written, client_name(request), idempotency_key
        )
    link = orjson.loads(answer)
    path = str(request.app.url_path_for("get_link", code=link["code"]))
    location = path if link["domain"] is None else f"{path}?domain={link['domain']}"
    status = http.HTTP_201_CREATED if is_new else http.HTTP_200_OK
    return Response(answer, status, {"Location": location}, "application/json")


@router.get("/exists", dependencies=[needs(Scope.LINKS_READ, Opening.CREATE)])
async def get_code_state(
    code: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")],
    session: Writer,
    links: Links,
    domain: DomainQuery = None,
) -> CodeOut:
    """Whether a link could get this code on the domain."""
    return CodeOut(code=code, domain=domain, state=await links.state_of(session, code, domain))


@router.get("/{code}", responses=errors(LinkNotFound), dependencies=[needs(Scope.LINKS_READ)])
async def get_link(code: ExistingCode, request: Request, session: Writer, caller: CallerDep, links: Links) -> LinkOut:
    """One link."""
    return link_out(request, *await links.get(session, caller, code))


@router.patch(
    "/{code}",
    responses=errors(
        LinkNotFound,
        UnknownWorkspace,
        InsufficientRole,
        ChangedMeanwhile,
        CodeTaken,
        TooManyAliases,
        BannedLinkStays,
        DomainStays,
        *REFUSALS,
    ),
    dependencies=[needs(Scope.LINKS_WRITE)],
)
async def update_link(
    code: ExistingCode,
    body: LinkUpdate,
    request: Request,
    session: Writer,
    caller: CallerDep,
    links: Links,
    unmodified_since: Annotated[HttpDate | None, Header(alias="If-Unmodified-Since")] = None,
) -> LinkOut:
    """Change a link, or move it to another workspace; every process follows within a second."""
    return link_out(request, *await links.update(session, caller, code, body, unmodified_since))


@router.delete(
    "/{code}",
    status_code=http.HTTP_204_NO_CONTENT,
    responses=errors(LinkNotFound, InsufficientRole),
    dependencies=[needs(Scope.LINKS_WRITE)],
)
async def delete_link(code: ExistingCode, session: Writer, caller: CallerDep, links: Links) -> None:
    """Delete a link. It answers 410 from then on, and its code is not handed out again."""
    await links.delete(session, caller, code)


@router.put(
    "/{code}",
    responses={
        201: {"description": "The link is new.", "model": LinkOut},
        **errors(UnknownWorkspace, InsufficientRole, CodeTaken, BannedLinkStays, DomainStays, *REFUSALS),
    },
    dependencies=[needs(Scope.LINKS_WRITE)],
)
async def put_link(
    code: NewCode,
    body: LinkPut,
    request: Request,
    response: Response,
    session: Writer,
    caller: CallerDep,
    links: Links,
) -> LinkOut:
    """Create the link of this code, or replace it. Members that the body does not name get their defaults, and `domain`
    the service's own address; figures and aliases stay. The same request can be sent again."""
    link, clicks, is_new = await links.put(session, caller, code, body)
    response.status_code = http.HTTP_201_CREATED if is_new else http.HTTP_200_OK
    return link_out(request, link, clicks)


@router.post(
    "/{code}/restore",
    responses=errors(LinkNotFound, InsufficientRole),
    dependencies=[needs(Scope.LINKS_WRITE)],
)
async def restore_link(
    code: ExistingCode, request: Request, session: Writer, caller: CallerDep, links: Links
) -> LinkOut:
    """Give back a link that was deleted in the last 30 days, with its figures and its aliases."""
    return link_out(request, *await links.restore(session, caller, code))


@router.get("/{code}/aliases", responses=errors(LinkNotFound), dependencies=[needs(Scope.LINKS_READ)])
async def get_aliases(
    code: ExistingCode, request: Request, session: Writer, caller: CallerDep, links: Links
) -> AliasList:
    """The other codes that lead to the link."""
    codes = await links.aliases(session, caller, code)
    return AliasList(items=[_alias_out(request, alias) for alias in codes])


@router.post(
    "/{code}/aliases",
    status_code=http.HTTP_201_CREATED,
    responses=errors(LinkNotFound, InsufficientRole, CodeTaken, TooManyAliases),
    dependencies=[needs(Scope.LINKS_WRITE)],
)
async def add_alias(
    code: ExistingCode, body: AliasCreate, request: Request, session: Writer, caller: CallerDep, links: Links
) -> AliasOut:
    """Let another code lead to the link. Its clicks are the link's."""
    return _alias_out(request, await links.add_alias(session, caller, code, body.code))


@router.delete(
    "/{code}/aliases/{alias}",
    status_code=http.HTTP_204_NO_CONTENT,
    responses=errors(LinkNotFound, UnknownAlias, InsufficientRole),
    dependencies=[needs(Scope.LINKS_WRITE)],
)
async def remove_alias(code: ExistingCode, alias: CodePath, session: Writer, caller: CallerDep, links: Links) -> None:
    """The code answers 410 from then on. A link of the same workspace may have it again."""
    await links.remove_alias(session, caller, code, alias)


def _alias_out(request: Request, stored_code: str) -> AliasOut:
    domain, code = split_code(stored_code)
    return AliasOut(code=code, domain=domain, short_url=short_url(parts_of(request).settings.base_url, stored_code))


@router.post(
    "/{code}/rules/test",
    responses=errors(LinkNotFound),
    dependencies=[needs(Scope.LINKS_READ)],
)
async def test_rules(
    code: ExistingCode,
    body: MadeUpRequest,
    request: Request,
    session: Writer,
    caller: CallerDep,
    links: Links,
    locator: Annotated[Locator, Depends(LOCATOR)],
) -> RulesVerdict:
    """Which rule or variant would answer a made-up request, and why each rule before it would not. No click is
    counted, and neither the link's limit nor its password is asked for."""
    link, _ = await links.get(session, caller, code)
    return judge(link, body, parts_of(request).settings.secret_key.get_secret_value(), locator.locate)
