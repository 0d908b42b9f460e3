"""Tables of users, their logins and keys, and of workspaces with their members.

Credentials are stored only as hashes.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base

_NOW = text("now()")


class User(Base):
    """`email` is in lower case. A user without a password cannot log in with one; their keys work."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("email = lower(email)", name="email_is_lower"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(Text(collation="C"), unique=True)
    password_hash: Mapped[str | None] = mapped_column(Text)
    is_admin: Mapped[bool] = mapped_column(server_default=text("false"))
    is_disabled: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    password_changed_at: Mapped[datetime | None]
    preferences: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))


def _owner() -> Mapped[int]:
    return mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"), index=True)


class Session(Base):
    """One login: the chain of refresh tokens that it began, or the cookie of a browser. `browser` and `network` tell
    people which of their logins it is."""

    __tablename__ = "sessions"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = _owner()
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    last_used_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    cookie_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    browser: Mapped[str | None] = mapped_column(Text)
    network: Mapped[str | None] = mapped_column(Text)


class RefreshToken(Base):
    """A used token stays for a time, so that it is recognized if it comes back."""

    __tablename__ = "refresh_tokens"

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    used_at: Mapped[datetime | None] = mapped_column(index=True)


class ApiKey(Base):
    """`prefix` is the readable beginning, by which the owner recognizes the key."""

    __tablename__ = "api_keys"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = _owner()
    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text)
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    requests_per_minute: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


_NOW = text("now()")


def _workspace() -> ForeignKey:
    return ForeignKey("workspaces.id", ondelete="CASCADE")


class Role(StrEnum):
    """Roles of members; each includes the lower ones."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


class Workspace(Base):
    """`personal_user_id` is the user whose personal workspace this is, and who is its only member for ever."""

    __tablename__ = "workspaces"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    personal_user_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), unique=True
    )
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Member(Base):
    """`id` identifies the user to other members."""

    __tablename__ = "workspace_members"
    __table_args__ = (CheckConstraint("role IN ('owner', 'editor', 'viewer')", name="role_is_known"),)

    workspace_id: Mapped[uuid.UUID] = mapped_column(_workspace(), primary_key=True)
    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    id: Mapped[uuid.UUID] = mapped_column(unique=True)
    role: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
