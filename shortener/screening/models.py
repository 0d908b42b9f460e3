"""Tables of what feeds have said."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base


class DestinationCheck(Base):
    """What a feed says of a link's destination. `next_at`: when it is to be asked (again); null: no more."""

    __tablename__ = "destination_checks"
    __table_args__ = (
        Index("ix_destination_checks_next_at", "feed", "next_at", postgresql_where=text("next_at IS NOT NULL")),
    )

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    feed: Mapped[str] = mapped_column(Text, primary_key=True)
    verdict: Mapped[str] = mapped_column(Text)
    tries: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    checked_at: Mapped[datetime | None]
    next_at: Mapped[datetime | None]


class FeedCursor(Base):
    """Up to which link a feed's checks are queued."""

    __tablename__ = "feed_cursors"

    feed: Mapped[str] = mapped_column(Text, primary_key=True)
    link_id: Mapped[int] = mapped_column(BigInteger)
