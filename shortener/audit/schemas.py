"""Answers about the audit log."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from shortener.http.pagination import NextPath


class AuditEntryOut(BaseModel):
    at: datetime
    action: str = Field(examples=["link.changed"])
    actor: str = Field(description="`user:` and an id, `anonymous`, `command-line`, or `worker`.", examples=["user:7"])
    means: str | None = Field(description="The session or key.", examples=["key:01a1fe5f-45f3-7621-8f7f-e259d4b6f1bf"])
    client: str | None = Field(description="The client's IPv4 /24 or IPv6 /48.", examples=["203.0.113.0/24"])
    target: str | None = Field(description="The target of the action.", examples=["link:k7Rm2pX"])
    details: dict[str, Any] = Field(examples=[{"fields": ["url"]}])


class AuditPage(BaseModel):
    items: list[AuditEntryOut]
    next: NextPath
