"""Room in the pages of counts, which are updated again and again: the new version of a row stays beside the old one,
and no index has to learn of it. Pages that are there keep what they hold.

Revision ID: 20261121_09
Revises: 20261121_08
"""

from alembic import op

revision = "20261121_09"
down_revision = "20261121_08"
branch_labels = None
depends_on = None

TABLES = ("click_counts_15min", "click_counts_daily", "click_totals", "click_breakdown_hourly")


def upgrade() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} SET (fillfactor = 70)")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
