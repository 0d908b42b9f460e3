"""Parameters and services that routes of links have in common."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request
from pydantic import BeforeValidator, WithJsonSchema

from shortener.http.openapi import Tag
from shortener.links import answers
from shortener.links.asked import filter_of_query
from shortener.links.conditions import Host
from shortener.links.creation import LinkCreation
from shortener.links.eviction import Eviction
from shortener.links.filters import LinkFilter
from shortener.links.ids import number_of
from shortener.links.models import Link
from shortener.links.parts import CREATION, EVICTION, LINKS
from shortener.links.schemas import (
    Code,
    LinkOut,
)
from shortener.links.service import LinkService
from shortener.parts import parts_of
from shortener.redirect.hosts import qualified
from shortener.screening.parts import BAN_LIST

# A thousand of the longest URLs, each with the longest title, whose characters JSON writes in six bytes each. A parser
# takes 1.3 to 2.1 ms per MB to find the links in it, in one piece.
TAG = Tag("links", "Create, find, change and delete links.")

CodePath = Annotated[str, Path(max_length=64, pattern="^[A-Za-z0-9_-]+$", examples=["k7Rm2pX"])]
DomainQuery = Annotated[Host | None, Query(description="The domain of the link. Default: the service's own address.")]


async def _existing_code(code: CodePath, domain: DomainQuery = None) -> str:
    """An id needs no domain."""
    return code if number_of(code) is not None else qualified(code, domain)


# A code with its domain in front, or an id.
ExistingCode = Annotated[str, Depends(_existing_code)]

NewCode = Annotated[Code, Path()]

IdempotencyHeader = Annotated[str | None, Header(min_length=1, max_length=255)]


def _http_date(value: str) -> datetime:
    """RFC 9110, section 5.6.7. Raises ValueError."""
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        raise ValueError("use a form such as Thu, 26 Nov 2026 09:30:00 GMT") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


HttpDate = Annotated[
    datetime,
    BeforeValidator(_http_date),
    WithJsonSchema({"type": "string", "examples": ["Thu, 26 Nov 2026 09:30:00 GMT"]}),
]
AskedLinks = Annotated[LinkFilter, Depends(filter_of_query)]
Links = Annotated[LinkService, Depends(LINKS)]
Creation = Annotated[LinkCreation, Depends(CREATION)]
Evict = Annotated[Eviction, Depends(EVICTION)]


def link_out(request: Request, link: Link, clicks: int) -> LinkOut:
    parts = parts_of(request)
    return answers.link_out(link, clicks, parts.settings.base_url, parts[BAN_LIST])
