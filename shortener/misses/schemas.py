"""Answers about misses."""

from datetime import datetime

from pydantic import BaseModel, Field

from shortener.http.pagination import NextPath, PreviousPath
from shortener.misses.batch import Kind


class MissPathOut(BaseModel):
    path: str = Field(
        description="As it was requested, without the query; at most 200 characters.", examples=["/wp-login.php"]
    )
    kind: Kind
    count: int = Field(description="At least so often. The rest of a path that was rare for a while is in `other`.")
    last_at: datetime


class MissPathPage(BaseModel):
    total: int = Field(description="All misses, exactly.")
    other: int = Field(description="Misses that are counted in no item of any page.")
    items: list[MissPathOut]
    next: NextPath
    previous: PreviousPath


class MissOut(BaseModel):
    at: datetime
    kind: Kind
    path: str
    country: str = Field(description="Empty if unknown.")
    referrer: str
    browser: str
    system: str
    device: str
    user_agent: str
    bot: str | None = Field(
        description="Why it does not count as a person's: crawler, preview, prefetch, head, no_user_agent."
    )


class MissPage(BaseModel):
    items: list[MissOut]
    next: NextPath
    previous: PreviousPath
