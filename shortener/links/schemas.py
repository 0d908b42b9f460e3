"""What the API takes and gives of links."""

import uuid
from datetime import datetime
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
from shortener.http.expiry import Expiry
from shortener.http.json_body import RequestBody
from shortener.http.pagination import NextPath, PreviousPath
from shortener.http.problems import invalid_request
from shortener.links.codes import CUSTOM_CODE, check_custom_code
from shortener.screening.lookalikes import Flag
from shortener.text import OneLine

MAX_TITLE = 300
MAX_BULK = 1000

_EXAMPLE_URL = "https://en.wikipedia.org/wiki/URL_shortening?useskin=vector"


Code = Annotated[
    str,
    AfterValidator(check_custom_code),
    Field(examples=["spring-sale"], json_schema_extra={"pattern": f"^{CUSTOM_CODE.pattern}$"}),
]
Title = Annotated[str, Field(max_length=MAX_TITLE, examples=["Spring sale"]), OneLine]
Url = Annotated[str, Field(examples=[_EXAMPLE_URL])]


class LinkFields(RequestBody):
    url: Url = Field(description="An http or https URL of at most 8,192 characters.")
    code: Code | None = Field(None, description="3 to 64 letters, digits, `-` or `_`. Default: a random code.")
    expires_at: Expiry | None = Field(None, description="When the link stops working; with a time zone.")
    title: Title | None = None


_Workspace = Annotated[
    uuid.UUID | None, Field(description="Where to create: one in which you are editor or owner. Default: yours.")
]


class LinkCreate(LinkFields):
    workspace: _Workspace = None


def _later(value: Any, _: ValidatorFunctionWrapHandler) -> Any:
    """To read a thousand links takes long: `BulkCreate.items` reads them in slices."""
    return value


class BulkCreate(RequestBody):
    links: list[Annotated[LinkFields, WrapValidator(_later)]] = Field(
        min_length=1, max_length=MAX_BULK, description="Each as for a single create, without `workspace`."
    )
    workspace: _Workspace = None

    async def items(self) -> list[LinkFields | Unprocessable]:
        """What was asked for, in order; in place of what cannot be read, its error."""
        return await gathered(map(_read_item, self.links))


def _read_item(value: Any) -> LinkFields | Unprocessable:
    """One item's mistake is that item's result: it does not spoil the others."""
    try:
        return LinkFields.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        return invalid_request([{**fault, "loc": ("body", *fault["loc"])} for fault in faults])


class LinkUpdate(RequestBody):
    """Only what is named is changed; null clears title and expiry."""

    url: Url = ""
    title: Title | None = None
    expires_at: Expiry | None = None
    disabled: bool = False
    workspace: uuid.UUID = Field(
        default_factory=uuid.uuid4, description="Where to move the link; needs the role editor or owner in both."
    )


class LinkOut(BaseModel):
    code: str = Field(examples=["k7Rm2pX"])
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


class LinkPage(BaseModel):
    items: list[LinkOut]
    total: int = Field(description="How many links match in all; counted up to 100,000.")
    next: NextPath
    previous: PreviousPath


class Problem(BaseModel):
    """Stands for the schema that `shortener.http.openapi` adds."""

    type: str
    title: str
    status: int
    detail: str


class BulkResult(BaseModel):
    """Either `link` or `problem`."""

    status: int = Field(description="What a single create would have been answered with.", examples=[201, 409, 422])
    link: LinkOut | SkipJsonSchema[None] = None
    problem: Problem | SkipJsonSchema[None] = None


class BulkOut(BaseModel):
    results: list[BulkResult] = Field(description="One for each link of the request, in its order.")
    created: int
    failed: int
