"""What clients asked for and did not exist.

Revision ID: 20261126_07
Revises: 20261126_06
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_07"
down_revision = "20261126_06"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "miss_days",
        sa.Column("day", sa.Date(), primary_key=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("code", "root", "path", "floor")),
    )
    op.create_table(
        "miss_paths",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("path", sa.Text(), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
    )
    texts = ("country", "referrer_host", "referrer", "browser", "system", "device", "user_agent")
    op.create_table(
        "misses",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("draw", sa.Float(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("bot", sa.Text()),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
    )
    op.create_index("ix_misses_day_draw", "misses", ["day", "draw"])
    op.create_index("ix_misses_at_id", "misses", ["at", "id"])


def downgrade() -> None:
    for table in ("misses", "miss_paths", "miss_days"):
        op.drop_table(table)
