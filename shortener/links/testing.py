"""Trying out a link's rules on a request that nobody has sent."""

import re
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

import msgspec
from pydantic import AfterValidator, BaseModel, Field

from shortener.http.expiry import Moment
from shortener.http.json_body import RequestBody
from shortener.links.models import Link
from shortener.places.addresses import packed_address
from shortener.places.locator import Locate
from shortener.redirect.forwarding import compose
from shortener.redirect.options import Options
from shortener.redirect.request import CodePath, request_of_headers
from shortener.redirect.rules import Plan
from shortener.redirect.visit import Visit

_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
_EXAMPLE = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X)", "Accept-Language": "de-AT,de;q=0.9"}


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if _NAME.fullmatch(name) is None or re.search(r"[\r\n\0]", value):
            raise ValueError(f"{name[:100]!r} is not a header that a request can have")
    return headers


def _address(address: str) -> str:
    if packed_address(address) is None:
        raise ValueError("not an IP address; use a form such as 192.0.2.7")
    return address


class MadeUpRequest(RequestBody):
    headers: Annotated[
        dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=50), AfterValidator(_headers)
    ] = Field({}, examples=[_EXAMPLE])
    address: Annotated[str, AfterValidator(_address)] = Field("192.0.2.1", examples=["192.0.2.7"])
    at: Moment | None = Field(None, description="When it is sent. Default: now.")
    query: str = Field("", max_length=8192, description="What stands behind the `?`.", examples=["source=poster"])


class RuleReason(BaseModel):
    rule: str
    condition: int | None = Field(description="Its place in the rule, from 0; null for a rule without conditions.")
    reason: str


class RulesVerdict(BaseModel):
    url: str = Field(description="Where the request would be led.")
    rule: str | None
    variant: str | None
    reasons: list[RuleReason] = Field(description="Why rules did not answer: each condition that does not hold.")


def judge(link: Link, asked: MadeUpRequest, secret: str, locate: Locate) -> RulesVerdict:
    options = msgspec.convert(link.options or {}, Options)
    headers = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in asked.headers.items()]
    query = quote(asked.query.removeprefix("?"), safe="%!$&'()*+,;=:@/?._~-")
    at = asked.at or datetime.now(UTC)
    path = CodePath(link.code, is_preview=False)
    request = request_of_headers(path, b"", "GET", headers, query.encode(), asked.address)
    visit = Visit(request, at.timestamp(), locate)
    choice, reasons = Plan(options, link.id, secret.encode()[:64]).explain(visit)
    return RulesVerdict(
        url=compose(choice.url or link.url, options, query, ""),
        rule=choice.rule,
        variant=choice.variant,
        reasons=[RuleReason(rule=why.rule, condition=why.condition, reason=why.reason) for why in reasons],
    )
