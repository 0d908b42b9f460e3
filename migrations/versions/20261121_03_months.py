"""Breakdowns by month. The worker fills them in batches, so that there is nothing to wait for here.

Revision ID: 20261121_03
Revises: 20261121_02
"""

import sqlalchemy as sa
from alembic import op

revision = "20261121_03"
down_revision = "20261121_02"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "click_breakdown_monthly",
        sa.Column("link_id", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dimension", sa.SmallInteger(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("bots", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("link_id", "start", "dimension", "value", name=op.f("pk_click_breakdown_monthly")),
    )


def downgrade() -> None:
    op.drop_table("click_breakdown_monthly")
