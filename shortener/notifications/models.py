"""Tables of notifications, of what people want to hear of, and of news of links on their way to people."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base

_NOW = text("now()")


def _user(**options: Any) -> Mapped[int]:
    return mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"), **options)


class Notification(Base):
    """`key` names what it is about, so that nobody hears of it twice. `number` is its place among live messages, and
    null until it has one. Links and comments are named without a foreign key: the notification may outlive them."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index("ix_notifications_user_id_created_at_id", "user_id", "created_at", "id"),
        Index("uq_notifications_user_id_key", "user_id", "key", unique=True),
        Index("ix_notifications_number", "number", postgresql_where=text("number IS NOT NULL")),
        Index("ix_notifications_unnumbered", "id", postgresql_where=text("number IS NULL")),
        Index("ix_notifications_created_at", "created_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    user_id: Mapped[int] = _user()
    kind: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    link_id: Mapped[int | None] = mapped_column(BigInteger)
    workspace_id: Mapped[uuid.UUID | None]
    comment_id: Mapped[uuid.UUID | None]
    # Who mentioned or invited.
    by_user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="SET NULL"), index=True)
    clicks: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    read_at: Mapped[datetime | None]
    number: Mapped[int | None] = mapped_column(BigInteger)


class NotificationSettings(Base):
    """Of users who do not want to hear of everything."""

    __tablename__ = "notification_settings"

    user_id: Mapped[int] = _user(primary_key=True)
    unwanted: Mapped[list[str]] = mapped_column(ARRAY(Text))


class LiveMark(Base):
    """The highest number of a notification that was deleted for its age. One row, or none."""

    __tablename__ = "live_mark"

    is_only: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    number: Mapped[int] = mapped_column(BigInteger)


class LinkNews(Base):
    """Something that has happened to a link, until the worker has told its people. Whoever writes a click adds at most
    a short row."""

    __tablename__ = "link_news"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    link_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    clicks: Mapped[int | None] = mapped_column(BigInteger)
