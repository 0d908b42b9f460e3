"""Logos of workspaces."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base


class WorkspaceLogo(Base):
    """The picture that QR codes of the workspace's links can show. `png` is made by this service."""

    __tablename__ = "workspace_logos"

    workspace_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    png: Mapped[bytes] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
