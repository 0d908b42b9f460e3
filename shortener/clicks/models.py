"""Tables of clicks and their counts. Each big one has `link_id` in its key, so that it can be distributed."""

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Date, Identity, Integer, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base


class Dimension(NamedTuple):
    """What clicks are broken down by: its number in the database, and the column of a click."""

    number: int
    column: str


# The numbers are stored: only ever add to them.
DIMENSIONS = {
    "referrers": Dimension(1, "referrer_host"),
    "countries": Dimension(2, "country"),
    "browsers": Dimension(3, "browser"),
    "systems": Dimension(4, "system"),
    "devices": Dimension(5, "device"),
}


class ClickRow(Base):
    """Single clicks, in monthly partitions. `bot` is null for people, else why it is none."""

    __tablename__ = "clicks"
    __table_args__ = {"postgresql_partition_by": "RANGE (at)"}  # noqa: RUF012

    # In this order the key is also the index that reads a link's clicks, newest first.
    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    visitor: Mapped[int] = mapped_column(BigInteger)
    is_new_visitor: Mapped[bool]
    bot: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text)
    referrer_host: Mapped[str] = mapped_column(Text)
    referrer: Mapped[str] = mapped_column(Text)
    browser: Mapped[str] = mapped_column(Text)
    system: Mapped[str] = mapped_column(Text)
    device: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str] = mapped_column(Text)


class ClickBatch(Base):
    """The ledger: batches that are counted. A batch that is here is skipped when it comes again."""

    __tablename__ = "click_batches"

    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    written_at: Mapped[datetime] = mapped_column(server_default=text("now()"), index=True)


class ClickVisitor(Base):
    """Who was seen on which UTC day, in daily partitions that live only as long as the day's salt."""

    __tablename__ = "click_visitors"
    __table_args__ = {"postgresql_partition_by": "RANGE (day)"}  # noqa: RUF012

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    visitor: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)


class VisitorSalt(Base):
    """The key of a day's visitor hashes; deleted after some days, and the hashes tell nothing from then on."""

    __tablename__ = "visitor_salts"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary)


class ClickCount15Min(Base):
    """Clicks a quarter of an hour: every time zone's days and hours begin at one."""

    __tablename__ = "click_counts_15min"

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    clicks: Mapped[int] = mapped_column(Integer)
    visitors: Mapped[int] = mapped_column(Integer)
    bots: Mapped[int] = mapped_column(Integer)


class ClickCountDaily(Base):
    """Clicks a UTC day."""

    __tablename__ = "click_counts_daily"

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    clicks: Mapped[int] = mapped_column(BigInteger)
    visitors: Mapped[int] = mapped_column(BigInteger)
    bots: Mapped[int] = mapped_column(BigInteger)


class ClickBreakdownHourly(Base):
    """Clicks an hour by one value of one dimension (see `DIMENSIONS`)."""

    __tablename__ = "click_breakdown_hourly"

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    dimension: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    value: Mapped[str] = mapped_column(Text, primary_key=True)
    clicks: Mapped[int] = mapped_column(Integer)
    bots: Mapped[int] = mapped_column(Integer)


class ClickBreakdownDaily(Base):
    """Clicks a UTC day by one value of one dimension."""

    __tablename__ = "click_breakdown_daily"

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    dimension: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    value: Mapped[str] = mapped_column(Text, primary_key=True)
    clicks: Mapped[int] = mapped_column(BigInteger)
    bots: Mapped[int] = mapped_column(BigInteger)


class ClickBreakdownMonthly(Base):
    """Clicks a UTC month by one value of one dimension, of busy links; see `months` for when they may be read."""

    __tablename__ = "click_breakdown_monthly"

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    dimension: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    value: Mapped[str] = mapped_column(Text, primary_key=True)
    clicks: Mapped[int] = mapped_column(BigInteger)
    bots: Mapped[int] = mapped_column(BigInteger)


class ClickTotal(Base):
    """All clicks of a link: what lists show. Never on the link's own row, which redirects read."""

    __tablename__ = "click_totals"

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    clicks: Mapped[int] = mapped_column(BigInteger)
    visitors: Mapped[int] = mapped_column(BigInteger)
    bots: Mapped[int] = mapped_column(BigInteger)
