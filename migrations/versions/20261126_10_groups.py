"""Groups of links whose clicks are counted together. The worker fills them, so that there is nothing to wait for here.

Revision ID: 20261126_10
Revises: 20261126_09
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_10"
down_revision = "20261126_09"
branch_labels = None
depends_on = None

_TEXTS = (
    "links", "quarters", "clicks", "visitors", "bots",
    "value_links", "value_hours", "value_dimensions", "value_clicks", "value_bots",
)  # fmt: skip
_COUNTS = (
    "click_counts_15min", "click_counts_daily", "click_breakdown_hourly", "click_breakdown_daily",
    "click_breakdown_monthly",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "click_rounds",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.Column("value_texts", sa.ARRAY(sa.Text()), nullable=False),
    )
    # They live for seconds: compressing them would cost more than it saves.
    for name in (*_TEXTS, "value_texts"):
        op.execute(f"ALTER TABLE click_rounds ALTER COLUMN {name} SET STORAGE EXTERNAL")
    op.create_table(
        "figure_groups",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_figure_groups_kind")),
    )
    op.create_table(
        "group_members",
        sa.Column("link_id", sa.BigInteger(), primary_key=True),
        sa.Column("group_id", sa.BigInteger(), primary_key=True),
    )
    op.create_index(op.f("ix_group_members_group_id"), "group_members", ["group_id"])


def downgrade() -> None:
    for name in _COUNTS:
        table = sa.table(name, sa.column("link_id"))
        op.execute(sa.delete(table).where(table.c.link_id < 0))
    op.drop_table("group_members")
    op.drop_table("figure_groups")
    op.drop_table("click_rounds")
