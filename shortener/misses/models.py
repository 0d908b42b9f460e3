"""Tables of misses. Each has at most a fixed number of rows per day."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, Float, Identity, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base


class MissDay(Base):
    """All misses of a UTC day, by kind, which are exact. `floor` is that of the day's paths (`frequent.py`)."""

    __tablename__ = "miss_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    code: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[int] = mapped_column(BigInteger)
    path: Mapped[int] = mapped_column(BigInteger)
    floor: Mapped[int] = mapped_column(BigInteger)


class MissPath(Base):
    """Misses of one of the most frequent paths of a UTC day: at least `count - error`, at most `count`."""

    __tablename__ = "miss_paths"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    path: Mapped[str] = mapped_column(Text, primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    error: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[datetime]


class Miss(Base):
    """Single misses, described as clicks are. Of a UTC day those with the lowest `draw` are kept."""

    __tablename__ = "misses"
    __table_args__ = (Index("ix_misses_day_draw", "day", "draw"), Index("ix_misses_at_id", "at", "id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    draw: Mapped[float] = mapped_column(Float)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    bot: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text)
    referrer_host: Mapped[str] = mapped_column(Text)
    referrer: Mapped[str] = mapped_column(Text)
    browser: Mapped[str] = mapped_column(Text)
    system: Mapped[str] = mapped_column(Text)
    device: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str] = mapped_column(Text)
