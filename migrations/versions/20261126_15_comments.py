"""Comments on links, and notifications.

Revision ID: 20261126_15
Revises: 20261126_14
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261126_15"
down_revision = "20261126_14"
branch_labels = None
depends_on = None

_NUMBERED, _UNNUMBERED = sa.text("number IS NOT NULL"), sa.text("number IS NULL")


def _moment(name: str, *, is_there: bool = False, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        nullable=not is_there,
        server_default=None if default is None else sa.text(default),
    )


def _user(name: str, on_delete: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), sa.ForeignKey("users.id", ondelete=on_delete), **options)


def upgrade() -> None:
    # Of comments and notifications together: their places among live messages.
    op.execute("CREATE SEQUENCE live_numbers")
    op.create_table(
        "comments",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("link_id", sa.BigInteger(), nullable=False),
        _user("author_id", "SET NULL"),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("mentions", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        _moment("created_at", is_there=True, default="clock_timestamp()"),
        _moment("edited_at"),
        _moment("deleted_at"),
        sa.Column("number", sa.BigInteger()),
    )
    op.create_index("ix_comments_author_id", "comments", ["author_id"])
    op.create_index("ix_comments_link_id_created_at_id", "comments", ["link_id", "created_at", "id"])
    op.create_table(
        "comments_read",
        _user("user_id", "CASCADE", primary_key=True),
        sa.Column("link_id", sa.BigInteger(), primary_key=True),
        _moment("read_at", is_there=True),
    )
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid(), primary_key=True, server_default=sa.text("gen_random_uuid()")),
        _user("user_id", "CASCADE", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("link_id", sa.BigInteger()),
        sa.Column("workspace_id", sa.Uuid()),
        sa.Column("comment_id", sa.Uuid()),
        _user("by_user_id", "SET NULL"),
        sa.Column("clicks", sa.BigInteger()),
        _moment("created_at", is_there=True, default="now()"),
        _moment("read_at"),
        sa.Column("number", sa.BigInteger()),
    )
    op.create_index("ix_notifications_user_id_created_at_id", "notifications", ["user_id", "created_at", "id"])
    op.create_index("uq_notifications_user_id_key", "notifications", ["user_id", "key"], unique=True)
    op.create_index("ix_notifications_by_user_id", "notifications", ["by_user_id"])
    op.create_index("ix_notifications_created_at", "notifications", ["created_at"])
    for table in ("comments", "notifications"):
        op.create_index(f"ix_{table}_number", table, ["number"], postgresql_where=_NUMBERED)
        op.create_index(f"ix_{table}_unnumbered", table, ["id"], postgresql_where=_UNNUMBERED)
    op.create_table(
        "notification_settings",
        _user("user_id", "CASCADE", primary_key=True),
        sa.Column("unwanted", postgresql.ARRAY(sa.Text()), nullable=False),
    )
    op.create_table(
        "live_mark",
        sa.Column("is_only", sa.Boolean(), primary_key=True, server_default=sa.text("true")),
        sa.Column("number", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "link_news",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("link_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("clicks", sa.BigInteger()),
    )
    with op.get_context().autocommit_block():
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_links_expires_at ON links (expires_at, id) "
            "WHERE expires_at IS NOT NULL AND deleted_at IS NULL"
        )


def downgrade() -> None:
    """Comments and notifications are lost."""
    op.drop_index("ix_links_expires_at", "links")
    for table in ("link_news", "live_mark", "notification_settings", "notifications", "comments_read", "comments"):
        op.drop_table(table)
    op.execute("DROP SEQUENCE live_numbers")
