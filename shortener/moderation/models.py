"""Tables of bans and reports."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base

_NOW = text("now()")


def _admin() -> Mapped[int | None]:
    """The admin's id; null once their account is deleted, and for actions of the service itself."""
    return mapped_column(BigInteger, ForeignKey("users.id", ondelete="SET NULL"))


class Ban(Base):
    """`value` is a code, a host, an email address, or a network of clients, depending on `kind`. Lifted bans stay."""

    __tablename__ = "bans"
    __table_args__ = (
        CheckConstraint("kind IN ('link', 'host', 'user', 'client')", name="kind_is_known"),
        Index("ux_bans_active", "kind", "value", unique=True, postgresql_where=text("lifted_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text(collation="C"))
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    created_by: Mapped[int | None] = _admin()
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[int | None] = _admin()


class ReportCase(Base):
    """All reports of one link until an admin resolves them; the next report opens another case."""

    __tablename__ = "report_cases"
    __table_args__ = (
        Index("ux_report_cases_open", "link_id", unique=True, postgresql_where=text("resolved_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    link_id: Mapped[int] = mapped_column(BigInteger)
    reports: Mapped[int] = mapped_column(Integer)
    opened_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    last_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[int | None] = _admin()
    resolution: Mapped[str | None] = mapped_column(Text)


class Report(Base):
    """One report. The reporter is stored nowhere."""

    __tablename__ = "reports"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("report_cases.id", ondelete="CASCADE"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    comment: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
