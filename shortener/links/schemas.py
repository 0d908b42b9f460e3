"""Requests and answers about links."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.json_schema import SkipJsonSchema

from shortener.errors import Unprocessable
from shortener.event_loop.slices import gathered
from shortener.http.expiry import Expiry, Moment
from shortener.http.json_body import CHANGE, UNSET, RequestBody
from shortener.http.pagination import NextPath, PreviousPath
from shortener.http.problems import Problem, invalid_request
from shortener.links.codes import CUSTOM_CODE, check_custom_code
from shortener.links.conditions import Host, Preview, Rule, Rules, Utm, Variant, Variants
from shortener.redirect.options import RedirectStatus
from shortener.screening.lookalikes import Flag
from shortener.tags.names import TagNames
from shortener.text import Lines, OneLine

MAX_TITLE = 300
MAX_NOTE = 1000
MAX_PASSWORD = 200
MAX_CLICKS = 10**12
MAX_BULK = 1000

_EXAMPLE_URL = "https://en.wikipedia.org/wiki/URL_shortening?useskin=vector"


Code = Annotated[
    str,
    AfterValidator(check_custom_code),
    Field(examples=["spring-sale"], json_schema_extra={"pattern": f"^{CUSTOM_CODE.pattern}$"}),
]
Title = Annotated[str, Field(max_length=MAX_TITLE, examples=["Spring sale"]), OneLine]
Url = Annotated[str, Field(examples=[_EXAMPLE_URL])]
Note = Annotated[str, Field(max_length=MAX_NOTE), Lines]
LinkPassword = Annotated[str, Field(min_length=1, max_length=MAX_PASSWORD)]
_EXPIRY = "When the link stops working; with a time zone."


class LinkOptions(RequestBody):
    """How a link behaves when it is followed. All of it can be changed later."""

    starts_at: Moment | None = Field(None, description="When the link begins to work; with a time zone.")
    max_clicks: int | None = Field(
        None,
        ge=1,
        le=MAX_CLICKS,
        description="The link is used up after this number of people's clicks. Clicks from before the limit was set "
        "count as well. Bots and previews do not count, and are not led to the destination.",
    )
    fallback_url: Url | None = Field(
        None, description="Where the link leads before it begins, and once it has expired or is used up."
    )
    password: LinkPassword | None = Field(None, description="What people have to enter. It is never given back.")
    redirect_status: RedirectStatus = 302
    forward_query: bool = Field(
        False, description="Add the request's query to the destination. Its parameters win over those of the same name."
    )
    forward_path: bool = Field(False, description="Add what follows the code in the path to the destination's path.")
    utm: Utm | None = None
    note: Note | None = Field(None, description="For yourselves. Visitors never see it.")
    rules: Rules = Field([], description="The first rule whose conditions all hold leads elsewhere.")
    variants: Variants = Field([], description="Destinations that share the clicks that no rule took.")
    preview: Preview | None = None
    indexable: bool = Field(False, description="Let search engines index the short link.")
    public_stats: bool = Field(False, description="Show figures of the link to anybody, at `/{code}/stats`.")
    archived: bool = Field(False, description="Leave the link out of lists. It goes on working.")
    tags: TagNames = Field([], description="Stored in lower case, with `-` for blanks.")


_DOMAIN = "A verified domain of the link's workspace. The same code may exist on several domains. "


class LinkFields(LinkOptions):
    url: Url = Field(description="An http or https URL of at most 8,192 characters.")
    code: Code | None = Field(None, description="3 to 64 letters, digits, `-` or `_`. Default: a random code.")
    domain: Host | None = Field(
        None,
        description=_DOMAIN + "Default: the workspace's default domain. Null: the service's own address.",
        examples=["go.example.com"],
    )
    expires_at: Expiry | None = Field(None, description=_EXPIRY)
    title: Title | None = None


_Workspace = Annotated[
    uuid.UUID | None, Field(description="Where to create: one in which you are editor or owner. Default: yours.")
]


class CreateFields(LinkFields):
    reuse: bool = Field(
        False,
        description="Answer 200 with your newest live link that does the same, where there is one, and make no other.",
    )


class LinkCreate(CreateFields):
    workspace: _Workspace = None


class LinkPut(LinkFields):
    """A whole link. Members that are not named get their defaults."""

    workspace: _Workspace = None
    disabled: bool = False


def _later(value: Any, _: ValidatorFunctionWrapHandler) -> Any:
    """To read a thousand links takes long: `BulkCreate.items` reads them in slices."""
    return value


class BulkCreate(RequestBody):
    links: list[Annotated[CreateFields, WrapValidator(_later)]] = Field(
        min_length=1, max_length=MAX_BULK, description="Each as for a single create, without `workspace`."
    )
    workspace: _Workspace = None
    dry_run: bool = Field(False, description="Answer what would be done, and do nothing.")

    async def items(self) -> list[CreateFields | Unprocessable]:
        """The links of the request, in order, or the errors of those that cannot be read."""
        return await gathered(map(_read_item, self.links))


def _read_item(value: Any) -> CreateFields | Unprocessable:
    """One item's mistake is that item's result: it does not spoil the others."""
    try:
        return CreateFields.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        return invalid_request([{**fault, "loc": ("body", *fault["loc"])} for fault in faults])


class LinkUpdate(LinkOptions):
    """Only what is named is changed. Null clears what may be null."""

    model_config = CHANGE

    url: Url = Field(UNSET)
    code: Code = Field(UNSET, description="Another code. The figures stay.")
    domain: Host | None = Field(None, description=_DOMAIN + "Null: the service's own address.")
    keep_old_code: bool = Field(True, description="Whether the old address goes on as an alias. Default: it does.")
    title: Title | None = None
    expires_at: Expiry | None = Field(None, description=_EXPIRY)
    disabled: bool = Field(UNSET)
    updated_at: Moment = Field(
        UNSET, description="As the link was last read. If it was changed meanwhile, nothing is done."
    )
    workspace: uuid.UUID = Field(UNSET, description="Where to move the link; needs the role editor or owner in both.")


class CodeState(StrEnum):
    FREE = "free"
    TAKEN = "taken"
    RESERVED = "reserved"
    MALFORMED = "malformed"


class CodeOut(BaseModel):
    code: str
    domain: str | None
    state: CodeState = Field(description="`taken` even when its link was deleted: codes are not handed out again.")


class AliasCreate(RequestBody):
    code: Code


class AliasOut(BaseModel):
    code: str = Field(examples=["spring"])
    domain: str | None
    short_url: str = Field(examples=["https://sho.rt/spring"])


class AliasList(BaseModel):
    items: list[AliasOut]


class LinkOut(BaseModel):
    id: str = Field(description="Stays the same when the code changes. It can stand for the code in the API.")
    code: str = Field(examples=["k7Rm2pX"])
    domain: str | None = Field(description="Null for the service's own address.", examples=[None])
    short_url: str = Field(examples=["https://sho.rt/k7Rm2pX"])
    url: str = Field(examples=[_EXAMPLE_URL])
    title: str | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    disabled: bool
    banned: bool = Field(description="Whether an admin has taken the link down, or its destination's host.")
    flag: Flag | None = Field(description="Why the destination's host is suspicious.")
    clicks: int = Field(description="People's clicks so far, as of the last second or two.", examples=[0])
    workspace: uuid.UUID | None = Field(description="Whose it is; null for a link without owner.")
    starts_at: datetime | None
    max_clicks: int | None
    fallback_url: str | None
    has_password: bool
    redirect_status: RedirectStatus
    forward_query: bool
    forward_path: bool
    utm: Utm | None
    note: str | None
    rules: list[Rule]
    variants: list[Variant]
    preview: Preview | None
    indexable: bool
    public_stats: bool
    archived: bool
    tags: list[str]


class Include(StrEnum):
    SPARKLINE = "sparkline"


class ListedLink(LinkOut):
    sparkline: list[int] | SkipJsonSchema[None] = Field(
        None, description="With `include=sparkline`: people's clicks on each of the last 30 UTC days, today's last."
    )


class LinkTotal(BaseModel):
    """Members of lists of links."""

    total: int = Field(description="How many links match in all. All links are counted up to 100,000.")
    total_is_exact: bool = Field(
        description="Whether `total` is the number, and not a lower bound: a filter that holds for many links is "
        "counted among the newest 5,000."
    )


class LinkPage(LinkTotal):
    items: list[ListedLink]
    next: NextPath
    previous: PreviousPath


class BulkLink(LinkOut):
    """A link of a bulk request. A dry run has null for generated values."""

    id: str | None  # type: ignore[assignment]
    code: str | None = Field(examples=["k7Rm2pX"])  # type: ignore[assignment]
    short_url: str | None = Field(examples=["https://sho.rt/k7Rm2pX"])  # type: ignore[assignment]


class BulkResult(BaseModel):
    """Either `link` or `problem`."""

    status: int = Field(description="As for a single create.", examples=[201, 200, 409, 422])
    link: BulkLink | SkipJsonSchema[None] = None
    problem: Problem | SkipJsonSchema[None] = None


class BulkOut(BaseModel):
    results: list[BulkResult] = Field(description="One for each link of the request, in its order.")
    created: int
    reused: int = Field(description="Results with a link that was there, or that another item has made.")
    failed: int
