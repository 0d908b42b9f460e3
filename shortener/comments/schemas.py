"""Requests and answers about comments."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from shortener.http.json_body import RequestBody
from shortener.http.pagination import NextPath, PreviousPath
from shortener.text import Lines

MAX_TEXT = 2000

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, examples=["@ada the new banner is live"]), Lines]


class CommentIn(RequestBody):
    text: Text = Field(
        description="Plain text. `@` and the address of a member, or what stands before its `@`, mentions."
    )


class ReadUntil(RequestBody):
    until: uuid.UUID = Field(description="The newest comment that you have read.")


class CommentOut(BaseModel):
    id: uuid.UUID
    link: str = Field(description="The link's id.")
    author: str | None = Field(description="Null if the account was deleted.", examples=["ada@example.com"])
    text: str
    mentions: list[str] = Field(description="Addresses of members.")
    created_at: datetime
    edited_at: datetime | None


class CommentPage(BaseModel):
    items: list[CommentOut]
    unread: int = Field(description="Comments of others that you have not read.")
    next: NextPath
    previous: PreviousPath


class UnreadComments(BaseModel):
    unread: int
