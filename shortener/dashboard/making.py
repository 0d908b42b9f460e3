"""Makes links of forms, and shows a link that was made."""

import secrets
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import Caller
from shortener.dashboard.forms import OWN_HOST, in_turns
from shortener.dashboard.page import redirect
from shortener.dashboard.reader import Visitor
from shortener.limits.parts import client_name
from shortener.links.codes import CUSTOM_CODE
from shortener.links.creation import LinkCreation
from shortener.links.idempotency import IdempotencyKeyReused
from shortener.links.models import Link
from shortener.links.parts import DIRECTORY
from shortener.links.schemas import LinkCreate
from shortener.parts import parts_of
from shortener.redirect.hosts import short_url, split_code


class Made(NamedTuple):
    """`query` stands behind the paths of the link's pages, and names its domain. `picture` is the path of its QR
    code."""

    code: str
    query: str
    url: str
    picture: str


def new_key() -> str:
    """For a form that creates: however often it is sent, it makes one link."""
    return secrets.token_urlsafe(16)


async def make(
    request: Request,
    session: AsyncSession,
    caller: Caller,
    visitor: Visitor,
    creation: LinkCreation,
    fields: dict[str, Any],
    key: str,
) -> Response:
    """Create the link, and lead to the page that shows it. Raises ShortenerError."""
    if visitor.space is not None:
        fields.setdefault("workspace", visitor.space.id)
    body = await in_turns(LinkCreate, fields)

    def write(link: Link, _clicks: int) -> bytes:
        return link.code.encode()

    client = client_name(request)
    try:
        made, _is_new = await creation.create_once(session, caller, body, write, client, f"form {key or new_key()}")
        code = made.decode()
    except IdempotencyKeyReused:
        # Somebody went back to the form, and changed it: this is another link.
        code = (await creation.create(caller, body)).code
    return redirect(f"/-/?made={code}")


def domain_choices(request: Request, workspace: UUID | None) -> dict[str, Any]:
    """The domains that links of the workspace can be on, and the one that new links get."""
    directory = parts_of(request)[DIRECTORY]
    return {"domains": directory.domains_of(workspace), "default_domain": directory.default_of(workspace) or OWN_HOST}


def made_of(request: Request, stored_code: str) -> Made | None:
    """The link that an address says was made; None if it is not a link of this service."""
    parts = parts_of(request)
    domain, code = split_code(stored_code)
    is_ours = domain is None or parts[DIRECTORY].workspace_of(domain) is not None
    if CUSTOM_CODE.fullmatch(code) is None or not is_ours:
        return None
    url = short_url(parts.settings.base_url, stored_code)
    if domain is None:
        return Made(code, "", url, f"/{code}.qr?")
    # Pages load no pictures of other hosts.
    return Made(code, f"?domain={domain}", url, f"/-/links/{code}/qr.svg?domain={domain}&")
