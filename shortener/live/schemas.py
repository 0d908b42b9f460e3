"""Messages and answers of the live channel, as the document shows them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

MessageType = Literal[
    "ready", "click", "link.created", "link.changed", "link.deleted", "link.expired", "link.used_up", "links.changed",
    "comment.created", "comment.changed", "comment.deleted", "notification.created",
    "gap", "subscribed", "unsubscribed", "refused", "degraded", "recovered", "heartbeat", "closed",
]  # fmt: skip


class LiveMessage(BaseModel):
    """The `data` of each server-sent event, and each message of a WebSocket."""

    id: str = Field(description="For `Last-Event-ID` or `after`.", examples=["1042", "1042-7"])
    type: MessageType
    at: datetime
    data: dict[str, Any] = Field(description="See docs/live.md.")


class TicketOut(BaseModel):
    ticket: str = Field(description="For one WebSocket, as the subprotocol `ticket.` with this behind it.")
    expires_in: int = Field(description="Seconds.")
