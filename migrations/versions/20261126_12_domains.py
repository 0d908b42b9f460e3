"""Domains of workspaces.

Revision ID: 20261126_12
Revises: 20261126_10
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_12"
down_revision = "20261126_10"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_FALSE = sa.text("false")


def upgrade() -> None:
    op.create_table(
        "domains",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("host", sa.Text(collation="C"), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        *(
            sa.Column(name, _MOMENT, nullable=False, server_default=sa.text("now()"))
            for name in ("created_at", "updated_at")
        ),
        *(sa.Column(name, _MOMENT) for name in ("verified_at", "checked_at", "failing_since", "removed_at")),
        *(
            sa.Column(name, sa.Boolean(), nullable=False, server_default=_FALSE)
            for name in ("is_trusted", "is_default")
        ),
        *(sa.Column(name, sa.Text()) for name in ("root_url", "not_found_url", "expired_url")),
    )
    op.create_index("ix_domains_workspace_id_host", "domains", ["workspace_id", "host"], unique=True)
    op.create_index(
        "ix_domains_host", "domains", ["host"], unique=True, postgresql_where=sa.text("verified_at IS NOT NULL")
    )
    op.create_index(
        "ix_domains_default", "domains", ["workspace_id"], unique=True, postgresql_where=sa.text("is_default")
    )


def downgrade() -> None:
    op.drop_table("domains")
