"""Tables of the installation itself."""

from datetime import datetime

from sqlalchemy import Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base


class FixedSetting(Base):
    """A setting as it was at the first start. Stored data depend on it, so it stays."""

    __tablename__ = "fixed_settings"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    fixed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
