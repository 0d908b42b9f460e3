"""/api/v1/domains"""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi import status as http

from shortener.access.memberships import Caller, InsufficientRole, UnknownWorkspace
from shortener.access.principals import Principal
from shortener.access.routes import ADMINISTRATION, ApiRoute, Known, Manager, needs_admin, needs_known
from shortener.access.scopes import Scope
from shortener.domains.answers import domain_out, verified_out
from shortener.domains.errors import DomainNotFound, DomainNotVerified, DomainTaken, InvalidHost, TooManyDomains
from shortener.domains.parts import DOMAINS
from shortener.domains.schemas import DomainCreate, DomainList, DomainOut, DomainUpdate, VerifiedDomainOut
from shortener.domains.service import DomainService
from shortener.figures.groups import DOMAIN
from shortener.figures.groups_api import add_group_routes, subject_of
from shortener.figures.tag import TAG as STATS
from shortener.http.openapi import DocumentedRoute, Tag, errors
from shortener.links.checks import InvalidDestination
from shortener.links.conditions import Host
from shortener.links.parts import DIRECTORY
from shortener.parts import parts_of
from shortener.screening.policy import RefusedDestination
from shortener.stores.sessions import Reader, Writer

TAG = Tag("domains", "Hosts with links of their own.")

router = APIRouter(prefix="/api/v1/domains", tags=[TAG], route_class=ApiRoute)
stats_router = APIRouter(prefix="/api/v1/domains/{host}/stats", tags=[STATS], route_class=ApiRoute)
allowed_router = APIRouter(prefix="/api/v1/domains", tags=[TAG], route_class=DocumentedRoute)
admin_router = APIRouter(
    prefix="/api/v1/admin/domains", tags=[ADMINISTRATION], route_class=ApiRoute, dependencies=[needs_admin]
)

Domains = Annotated[DomainService, Depends(DOMAINS)]
HostPath = Annotated[Host, Path(examples=["go.example.com"])]


def _caller(principal: Principal) -> Caller:
    """Links without an owner have no domains."""
    return Caller(principal.user_id, has_unowned=False)


@allowed_router.get("/allowed", response_class=Response, responses=errors(DomainNotFound))
async def is_allowed(request: Request, domain: Annotated[str, Query(max_length=300)]) -> Response:
    """200 if short links work under this host, else 404: for reverse proxies that fetch certificates on demand, such as
    Caddy (`on_demand_tls`, `ask`). Needs no credential."""
    if not parts_of(request)[DIRECTORY].serves(domain.rstrip(".").lower()):
        raise DomainNotFound(domain)
    return Response()


@router.get("", responses=errors(UnknownWorkspace))
async def get_domains(
    principal: Known, session: Reader, domains: Domains, workspace: uuid.UUID | None = None
) -> DomainList:
    """The domains of your workspaces, or of one of them, by their names."""
    return DomainList(items=list(map(domain_out, await domains.find(session, _caller(principal), workspace))))


@router.post(
    "",
    status_code=http.HTTP_201_CREATED,
    responses=errors(InvalidHost, TooManyDomains, UnknownWorkspace, InsufficientRole),
)
async def add_domain(body: DomainCreate, principal: Manager, session: Writer, domains: Domains) -> DomainOut:
    """Add a domain to a workspace. Set the TXT record in the answer, let the domain lead to this service, and verify
    it. Needs the role owner, and a login or a key with the scope `admin`."""
    return domain_out(await domains.add(session, _caller(principal), body.host, body.workspace))


@router.get("/{host}", responses=errors(DomainNotFound))
async def get_domain(host: HostPath, principal: Known, session: Reader, domains: Domains) -> DomainOut:
    """A domain of your workspaces."""
    return domain_out(await domains.get(session, _caller(principal), host))


@router.post("/{host}/verify", responses=errors(DomainNotFound, InsufficientRole, DomainNotVerified, DomainTaken))
async def verify_domain(host: HostPath, principal: Manager, session: Writer, domains: Domains) -> VerifiedDomainOut:
    """Look up the TXT record. Once it is found, links work on the domain, including those of before it was removed.
    The service looks the record up again daily. Needs the role owner, and a login or a key with the scope `admin`."""
    domain = await domains.verify(session, _caller(principal), host)
    return verified_out(domain, await domains.loops(session, domain))


@router.patch("/{host}", responses=errors(DomainNotFound, InsufficientRole, InvalidDestination, RefusedDestination))
async def change_domain(
    host: HostPath, body: DomainUpdate, principal: Manager, session: Writer, domains: Domains
) -> DomainOut:
    """Change where a domain leads visitors, and whether new links get it by default. Needs the role owner, and a login
    or a key with the scope `admin`."""
    return domain_out(await domains.change(session, _caller(principal), host, body))


@router.delete("/{host}", status_code=http.HTTP_204_NO_CONTENT, responses=errors(DomainNotFound, InsufficientRole))
async def remove_domain(host: HostPath, principal: Manager, session: Writer, domains: Domains) -> None:
    """Remove a domain. Its links stay, and answer 404 until it is verified again. Needs the role owner, and a login or
    a key with the scope `admin`."""
    await domains.remove(session, _caller(principal), host)


@admin_router.post("/{host}/verify", responses=errors(DomainNotFound, DomainTaken))
async def trust_domain(host: HostPath, session: Writer, domains: Domains) -> VerifiedDomainOut:
    """Vouch for a domain that somebody has added, without a TXT record. Of several workspaces that claim it, the first
    gets it."""
    domain = await domains.trust(session, host)
    return verified_out(domain, await domains.loops(session, domain))


async def group_of_domain(host: HostPath, session: Reader, principal: Known, domains: Domains) -> int:
    domain = await domains.get(session, _caller(principal), host)
    if domain.verified_at is None:
        # Somebody else may hold it.
        raise DomainNotFound(host)
    async with session.begin():
        return await subject_of(session, DOMAIN, domain.host)


GroupOfDomain = Annotated[int, Depends(group_of_domain)]

add_group_routes(
    stats_router,
    "domain",
    group_of_domain,
    needs_known(Scope.STATS_READ),
    [DomainNotFound],
    "Figures of all links on a domain, as those of a workspace.",
)
