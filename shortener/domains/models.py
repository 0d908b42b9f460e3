"""The table of domains."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base


class Domain(Base):
    """A workspace's claim to a host. Several may claim one; the verified claim holds it.

    A removed domain keeps its row, so that its links answer 404 and not with the service's own."""

    __tablename__ = "domains"
    __table_args__ = (
        Index("ix_domains_workspace_id_host", "workspace_id", "host", unique=True),
        Index("ix_domains_host", "host", unique=True, postgresql_where=text("verified_at IS NOT NULL")),
        Index("ix_domains_default", "workspace_id", unique=True, postgresql_where=text("is_default")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    host: Mapped[str] = mapped_column(Text(collation="C"))
    workspace_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    # A part of the value of the TXT record.
    token: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    verified_at: Mapped[datetime | None]
    # An admin has vouched for it, so the record is not looked up.
    is_trusted: Mapped[bool] = mapped_column(server_default=text("false"))
    checked_at: Mapped[datetime | None]
    # Since then the record has not been found.
    failing_since: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))
    root_url: Mapped[str | None] = mapped_column(Text)
    not_found_url: Mapped[str | None] = mapped_column(Text)
    expired_url: Mapped[str | None] = mapped_column(Text)
