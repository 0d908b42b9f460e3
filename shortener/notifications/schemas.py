"""Requests and answers about notifications."""

import uuid
from datetime import datetime

from pydantic import BaseModel, Field

from shortener.http.json_body import CHANGE, UNSET, RequestBody
from shortener.http.pagination import NextPath, PreviousPath
from shortener.notifications.kinds import NotificationKind

MAX_MARKED = 100


class NotifiedLink(BaseModel):
    """A link as a notification names it."""

    id: str
    code: str
    domain: str | None
    title: str | None


class NotificationOut(BaseModel):
    id: uuid.UUID
    kind: NotificationKind
    created_at: datetime
    read: bool
    link: NotifiedLink | None
    workspace: uuid.UUID | None
    comment: uuid.UUID | None = Field(description="Where you were mentioned.")
    by: str | None = Field(description="Who mentioned or invited you.", examples=["ada@example.com"])
    clicks: int | None = Field(description="The mark that was reached.", examples=[1000])


class NotificationPage(BaseModel):
    items: list[NotificationOut]
    unread: int = Field(description="Counted up to 1,000.")
    next: NextPath
    previous: PreviousPath


class NotificationsUpdate(RequestBody):
    ids: list[uuid.UUID] | None = Field(
        None, min_length=1, max_length=MAX_MARKED, description="Which. Default: all that are there by now."
    )
    read: bool


class UnreadOut(BaseModel):
    unread: int


class Wanted(BaseModel):
    """What one wants to hear of."""

    first_click: bool = True
    clicks: bool = Field(True, description="100, 1,000, 10,000 … clicks.")
    expiring: bool = Field(True, description="A link expires within three days.")
    expired: bool = True
    used_up: bool = True
    reported: bool = True
    banned: bool = True
    mentioned: bool = True
    invited: bool = True


class WantedUpdate(RequestBody):
    """Only what is named is changed."""

    model_config = CHANGE

    first_click: bool = Field(UNSET)
    clicks: bool = Field(UNSET)
    expiring: bool = Field(UNSET)
    expired: bool = Field(UNSET)
    used_up: bool = Field(UNSET)
    reported: bool = Field(UNSET)
    banned: bool = Field(UNSET)
    mentioned: bool = Field(UNSET)
    invited: bool = Field(UNSET)
