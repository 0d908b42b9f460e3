"""Tables of clicks and their counts. Each big one has `link_id` in its key, so that it can be distributed."""

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import ARRAY, BigInteger, Date, Identity, Index, Integer, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base


class Dimension(NamedTuple):
    """A dimension of breakdowns: its number in the database, and its column of a click. A click whose column is null
    has the value `implied`, of which no rows are stored, or no value."""

    number: int
    column: str
    implied: str | None = None


# The numbers are stored: only ever add to them.
DIMENSIONS = {
    "referrers": Dimension(1, "referrer_host"),
    "countries": Dimension(2, "country"),
    "browsers": Dimension(3, "browser"),
    "systems": Dimension(4, "system"),
    "devices": Dimension(5, "device"),
    "rules": Dimension(6, "rule"),
    "variants": Dimension(7, "variant"),
    "cities": Dimension(8, "city"),
    "languages": Dimension(9, "language", implied=""),
    "utm_sources": Dimension(10, "utm_source"),
    "utm_mediums": Dimension(11, "utm_medium"),
    "utm_campaigns": Dimension(12, "utm_campaign"),
    "sources": Dimension(13, "source", implied="link"),
}


class ClickRow(Base):
    """Single clicks, in monthly partitions. `bot` is null for people, otherwise the reason."""

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
    # Of the link, by name; null where neither answered.
    rule: Mapped[str | None] = mapped_column(Text)
    variant: Mapped[str | None] = mapped_column(Text)
    # Null where they are not known.
    city: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(Text)
    # Of the request's query.
    utm_source: Mapped[str | None] = mapped_column(Text)
    utm_medium: Mapped[str | None] = mapped_column(Text)
    utm_campaign: Mapped[str | None] = mapped_column(Text)
    # `qr`, or null for the link itself.
    source: Mapped[str | None] = mapped_column(Text)


class ClickBatch(Base):
    """The ledger of counted batches. A batch that is in it is skipped when it comes again."""

    __tablename__ = "click_batches"

    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    written_at: Mapped[datetime] = mapped_column(server_default=text("now()"), index=True)


class ClickVisitor(Base):
    """Visitors by UTC day, in daily partitions that live only as long as the day's salt."""

    __tablename__ = "click_visitors"
    __table_args__ = {"postgresql_partition_by": "RANGE (day)"}  # noqa: RUF012

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    visitor: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)


class VisitorSalt(Base):
    """The key of a day's visitor hashes. It is deleted after some days, and then the hashes reveal nothing."""

    __tablename__ = "visitor_salts"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary)


class ClickCount15Min(Base):
    """Clicks per quarter of an hour: every time zone's days and hours begin at one."""

    __tablename__ = "click_counts_15min"

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    clicks: Mapped[int] = mapped_column(Integer)
    visitors: Mapped[int] = mapped_column(Integer)
    bots: Mapped[int] = mapped_column(Integer)


class ClickCountDaily(Base):
    """Clicks per UTC day."""

    __tablename__ = "click_counts_daily"

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    clicks: Mapped[int] = mapped_column(BigInteger)
    visitors: Mapped[int] = mapped_column(BigInteger)
    bots: Mapped[int] = mapped_column(BigInteger)


class ClickBreakdownHourly(Base):
    """Clicks per hour and value of a dimension (see `DIMENSIONS`)."""

    __tablename__ = "click_breakdown_hourly"

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    dimension: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    value: Mapped[str] = mapped_column(Text, primary_key=True)
    clicks: Mapped[int] = mapped_column(Integer)
    bots: Mapped[int] = mapped_column(Integer)


class ClickBreakdownDaily(Base):
    """Clicks per UTC day and value of a dimension."""

    __tablename__ = "click_breakdown_daily"

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    dimension: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    value: Mapped[str] = mapped_column(Text, primary_key=True)
    clicks: Mapped[int] = mapped_column(BigInteger)
    bots: Mapped[int] = mapped_column(BigInteger)


class ClickBreakdownMonthly(Base):
    """Clicks per UTC month and value of a dimension, for busy links; `figures/rollups.py` says when they may be
    read."""

    __tablename__ = "click_breakdown_monthly"

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    dimension: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    value: Mapped[str] = mapped_column(Text, primary_key=True)
    clicks: Mapped[int] = mapped_column(BigInteger)
    bots: Mapped[int] = mapped_column(BigInteger)


class ClickTotal(Base):
    """All clicks of a link, for lists. They are not in the link's own row, which redirects read."""

    __tablename__ = "click_totals"
    __table_args__ = (Index("ix_click_totals_clicks", "clicks", "link_id"),)

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    clicks: Mapped[int] = mapped_column(BigInteger)
    visitors: Mapped[int] = mapped_column(BigInteger)
    bots: Mapped[int] = mapped_column(BigInteger)


class ClickRound(Base):
    """Counts of one round of the writer, as arrays in text form, until they are added to those of groups of links."""

    __tablename__ = "click_rounds"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    links: Mapped[str] = mapped_column(Text)
    quarters: Mapped[str] = mapped_column(Text)
    clicks: Mapped[str] = mapped_column(Text)
    visitors: Mapped[str] = mapped_column(Text)
    bots: Mapped[str] = mapped_column(Text)
    value_links: Mapped[str] = mapped_column(Text)
    value_hours: Mapped[str] = mapped_column(Text)
    value_dimensions: Mapped[str] = mapped_column(Text)
    value_texts: Mapped[list[str]] = mapped_column(ARRAY(Text))
    value_clicks: Mapped[str] = mapped_column(Text)
    value_bots: Mapped[str] = mapped_column(Text)


class ClickLimit(Base):
    """People's clicks of a link that has a limit, or had one: those that are counted, and those that web processes may
    still answer. It is changed before a destination is given, so it is never less than what people got."""

    __tablename__ = "click_limits"

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    used: Mapped[int] = mapped_column(BigInteger)
