"""Tables of feeds' verdicts."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base


class DestinationCheck(Base):
    """A feed's verdict on a link's destination. `next_at`: time of the next check; null: none."""

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
    """The last link whose check is queued for a feed."""

    __tablename__ = "feed_cursors"

    feed: Mapped[str] = mapped_column(Text, primary_key=True)
    link_id: Mapped[int] = mapped_column(BigInteger)
