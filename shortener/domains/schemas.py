"""Requests and answers about domains."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from shortener.http.json_body import CHANGE, UNSET, RequestBody
from shortener.links.conditions import Host
from shortener.screening.destinations import MAX_LENGTH

Url = Annotated[str, Field(max_length=MAX_LENGTH, examples=["https://example.com/"])]


class DomainState(StrEnum):
    """`pending`: the record was never found. `verified`: links work. `failing`: links work, and the record was not
    found at the last lookup: somebody else who sets theirs takes the domain over. `removed`: links answer 404."""

    PENDING = "pending"
    VERIFIED = "verified"
    FAILING = "failing"
    REMOVED = "removed"


class DomainCreate(RequestBody):
    host: Host = Field(examples=["go.example.com"], description="The name, without scheme and port.")
    workspace: uuid.UUID | None = Field(None, description="Whose domain it becomes. Default: your personal workspace.")


class DomainUpdate(RequestBody):
    """Only what is named is changed. Null clears a URL."""

    model_config = CHANGE

    root_url: Url | None = Field(None, description="Where the domain itself leads. Default: 404.")
    not_found_url: Url | None = Field(None, description="Where codes that do not exist lead. Default: 404.")
    expired_url: Url | None = Field(
        None, description="Where links lead that have expired or are used up, and have no fallback. Default: 410."
    )
    is_default: bool = Field(UNSET, description="Whether new links of the workspace get this domain by default.")


class TxtRecord(BaseModel):
    """The record that proves whose domain it is."""

    type: str = "TXT"
    name: str = Field(examples=["_shortener.go.example.com"])
    value: str = Field(examples=["shortener-verification=6q4TqYzGvVnL2yQy8w3M5A"])


class DomainOut(BaseModel):
    host: str = Field(examples=["go.example.com"])
    workspace: uuid.UUID
    state: DomainState
    record: TxtRecord
    created_at: datetime
    verified_at: datetime | None
    checked_at: datetime | None = Field(description="When the record was last looked up.")
    failing_since: datetime | None
    is_trusted: bool = Field(description="An admin has vouched for the domain, so the record is not looked up.")
    is_default: bool
    root_url: str | None
    not_found_url: str | None
    expired_url: str | None


class VerifiedDomainOut(DomainOut):
    looping_links: list[str] = Field(
        description="Codes of the workspace's links that lead to this domain, which would be loops: at most 100."
    )


class DomainList(BaseModel):
    items: list[DomainOut]
