"""Tables of single sign-on."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base


class OidcIdentity(Base):
    """The user behind a provider's (`issuer`) `subject`, which the provider never gives to anybody else."""

    __tablename__ = "oidc_identities"

    issuer: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class OidcUsedState(Base):
    """A login that came back from the provider; kept as long as it could come back again."""

    __tablename__ = "oidc_used_states"

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    expires_at: Mapped[datetime]
