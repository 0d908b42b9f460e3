"""Tables of comments, and of how far each reader has come."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base


class Comment(Base):
    """A deleted comment stays as a row without a body, so that listeners who come back hear of it. `number` is the
    place of its last change among live messages, and null until it has one."""

    __tablename__ = "comments"
    __table_args__ = (
        Index("ix_comments_link_id_created_at_id", "link_id", "created_at", "id"),
        Index("ix_comments_number", "number", postgresql_where=text("number IS NOT NULL")),
        Index("ix_comments_unnumbered", "id", postgresql_where=text("number IS NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    link_id: Mapped[int] = mapped_column(BigInteger)
    # Null once the account is deleted.
    author_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="SET NULL"), index=True)
    body: Mapped[str] = mapped_column(Text)
    # Users.
    mentions: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    edited_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    number: Mapped[int | None] = mapped_column(BigInteger)


class CommentsRead(Base):
    """The user has read the link's comments up to this moment."""

    __tablename__ = "comments_read"

    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    read_at: Mapped[datetime]
