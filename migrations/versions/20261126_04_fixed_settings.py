"""Settings that the first start fixes.

Revision ID: 20261126_04
Revises: 20261126_03
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_04"
down_revision = "20261126_03"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fixed_settings",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("fixed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    # Codes of links that are there may have capitals.
    op.execute(
        "INSERT INTO fixed_settings (name, value) SELECT 'code_case', 'sensitive' WHERE EXISTS (SELECT FROM links)"
    )


def downgrade() -> None:
    op.drop_table("fixed_settings")
