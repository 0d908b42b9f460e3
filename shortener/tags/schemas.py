"""Requests and answers about tags."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from shortener.http.json_body import CHANGE, UNSET, RequestBody
from shortener.http.pagination import NextPath, PreviousPath
from shortener.tags.names import TagName
from shortener.text import OneLine

MAX_DESCRIPTION = 300

Color = Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$", examples=["#2e7d32"])]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION), OneLine]


class TagUpdate(RequestBody):
    """Only what is named is changed. Null clears what may be null."""

    model_config = CHANGE

    name: TagName = Field(UNSET, description="The tag's links keep the tag.")
    color: Color | None = None
    description: Description | None = None


class TagMerge(RequestBody):
    into: TagName = Field(description="The tag that takes all links of this one.")


class TagOut(BaseModel):
    name: str = Field(examples=["spring-sale"])
    color: str | None
    description: str | None
    links: int = Field(description="Links that have the tag and are not deleted.")
    clicks: int = Field(description="People's clicks of these links, as of the last minute.")
    created_at: datetime


class TagPage(BaseModel):
    items: list[TagOut]
    total: int
    next: NextPath
    previous: PreviousPath
