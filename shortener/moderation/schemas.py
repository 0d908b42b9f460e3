"""Bodies of requests and answers about bans, reports and administration."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from shortener.http.json_body import RequestBody
from shortener.http.pagination import NextPath, PreviousPath
from shortener.links.codes import CUSTOM_CODE
from shortener.links.schemas import LinkOut, LinkTotal
from shortener.moderation.kinds import Kind
from shortener.moderation.reports import Reason, Resolution
from shortener.moderation.touched import MAX_TOUCHED
from shortener.screening.checks import FeedVerdict
from shortener.text import OneLine, Trimmed

MAX_REASON = 500
MAX_COMMENT = 1000


Words = Annotated[str, Field(min_length=1, max_length=MAX_REASON), OneLine]


class ReportCreate(RequestBody):
    """Either `code` or `short_url`."""

    code: Annotated[str, Field(pattern=f"^{CUSTOM_CODE.pattern}$", examples=["k7Rm2pX"]), Trimmed] | None = None
    short_url: Annotated[str, Field(max_length=2048, examples=["https://sho.rt/k7Rm2pX"]), Trimmed] | None = None
    reason: Reason
    comment: Annotated[str, Field(max_length=MAX_COMMENT), OneLine] | None = Field(
        None, description="What you have seen. Nothing else about you is stored."
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.code is None) == (self.short_url is None):
            raise ValueError("name the link by code or by short_url")
        return self


class ReportAccepted(BaseModel):
    message: str = "Thank you. If the link exists, an admin will look at it."


class BanCreate(RequestBody):
    kind: Kind
    value: Annotated[
        str,
        Field(
            min_length=1,
            max_length=500,
            pattern=r"^[^\x00]*$",
            description="A code, with the domain in front if the link has one; a host (its subdomains are included); a "
            "user's email address; or an address or network of clients (a single IPv6 address stands for its /64).",
            examples=["phish.example"],
        ),
        Trimmed,
    ]
    reason: Words
    force: bool = Field(False, description="Ban a public suffix, such as `co.uk`, with all hosts under it.")


class BanOut(BaseModel):
    id: int
    kind: Kind
    value: str
    reason: str
    created_at: datetime
    created_by: str | None = Field(
        description="Email of the admin; null for the command line, feeds and deleted accounts."
    )
    lifted_at: datetime | None
    lifted_by: str | None


class TouchedOut(BaseModel):
    links: int = Field(description=f"Links that lead to the host or a subdomain of it, counted up to {MAX_TOUCHED:,}.")


class BanPage(BaseModel):
    items: list[BanOut]
    total: int
    next: NextPath
    previous: PreviousPath


class ReportOut(BaseModel):
    reason: Reason
    comment: str | None
    created_at: datetime


class ReportCaseOut(BaseModel):
    id: int
    code: str = Field(description="As a ban names it: with the domain in front, if the link has one.")
    url: str = Field(description="The current destination of the link.")
    owners: list[str] = Field(description="Emails of the link's owners, up to five.")
    banned: bool
    reports: int = Field(description="Reports of the link since the last resolution.")
    opened_at: datetime
    last_at: datetime
    said: list[ReportOut] = Field(description="The first hundred reports.")
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: Resolution | None


class ReportCasePage(BaseModel):
    items: list[ReportCaseOut]
    total: int
    next: NextPath
    previous: PreviousPath


class ReportResolution(RequestBody):
    resolution: Resolution
    reason: Words | None = Field(None, description="The ban's reason. Default: the number of reports.")


class UserOut(BaseModel):
    id: int
    email: str
    is_admin: bool
    disabled: bool
    created_at: datetime


class UserPage(BaseModel):
    items: list[UserOut]
    total: int
    next: NextPath
    previous: PreviousPath


class UserChange(RequestBody):
    disabled: bool


class LinkChange(RequestBody):
    disabled: bool


class FeedCheckOut(BaseModel):
    feed: str = Field(examples=["web_risk"])
    verdict: FeedVerdict = Field(description="`unknown`: the feed has not answered yet, and is asked again.")
    checked_at: datetime | None = Field(description="When the feed was last asked; null: not yet.")


class AdminLinkOut(LinkOut):
    ban_id: int | None = Field(description="The ban of this link, or of its owner.")
    has_warning: bool = Field(description="Whether visitors are warned of the destination's host.")
    feeds: list[FeedCheckOut] = Field(description="Verdicts on the destination by the feeds that are switched on.")


class AdminLinkPage(LinkTotal):
    items: list[AdminLinkOut]
    next: NextPath
    previous: PreviousPath
