"""The table of invitations. Their ids are public, and too random to guess."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base

_NOW = text("now()")


def _workspace() -> ForeignKey:
    return ForeignKey("workspaces.id", ondelete="CASCADE")


class Invitation(Base):
    """An invitation into a workspace, or, without one, to create an account. It is deleted when it is accepted or
    revoked."""

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint("role IN ('owner', 'editor', 'viewer')", name="role_is_known"),
        CheckConstraint("(workspace_id IS NULL) = (role IS NULL)", name="role_is_in_a_workspace"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[uuid.UUID | None] = mapped_column(_workspace(), index=True)
    email: Mapped[str] = mapped_column(Text(collation="C"))
    role: Mapped[str | None] = mapped_column(Text)
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    invited_by: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    expires_at: Mapped[datetime]
