"""What the API takes and gives of bans, reports, and what admins look up."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from shortener.http.json_body import RequestBody
from shortener.http.pagination import NextPath, PreviousPath
from shortener.links.codes import CUSTOM_CODE
from shortener.links.schemas import LinkOut
from shortener.moderation.models import Kind
from shortener.moderation.reports import Reason, Resolution
from shortener.screening.checks import Verdict
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
        None, description="What you have seen. Nothing else is kept of who reports."
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.code is None) == (self.short_url is None):
            raise ValueError("name the link by code or by short_url")
        return self


class ReportAccepted(BaseModel):
    message: str = "Thank you. If there is such a link, it will be looked at."


class BanCreate(RequestBody):
    kind: Kind
    value: Annotated[
        str,
        Field(
            min_length=1,
            max_length=500,
            pattern=r"^[^\x00]*$",
            description="A code, a host (its subdomains are included), a user's email address, or an address or "
            "network of clients (an IPv6 address alone stands for its /64).",
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
        description="Email of the admin; null: by the command line or a feed, or that account is gone."
    )
    lifted_at: datetime | None
    lifted_by: str | None


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
    code: str
    url: str = Field(description="Where the link leads now.")
    banned: bool
    reports: int = Field(description="How often the link was reported since the last resolution.")
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
    reason: Words | None = Field(None, description="The ban's reason. Default: how often the link was reported.")


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
    verdict: Verdict = Field(description="`unknown`: it has not answered yet, and is asked again.")
    checked_at: datetime | None = Field(description="When it was asked last; null: not yet.")


class AdminLinkOut(LinkOut):
    ban_id: int | None = Field(description="The ban of this link, or of its owner.")
    has_warning: bool = Field(description="Whether people are warned of the destination's host before they go there.")
    feeds: list[FeedCheckOut] = Field(description="What those that are switched on say of the destination.")


class AdminLinkPage(BaseModel):
    items: list[AdminLinkOut]
    total: int
    next: NextPath
    previous: PreviousPath
