"""City, language, campaign and source of a click.

Revision ID: 20261126_05
Revises: 20261126_04
"""

from alembic import op

revision = "20261126_05"
down_revision = "20261126_04"
branch_labels = None
depends_on = None

_COLUMNS = ("city", "language", "utm_source", "utm_medium", "utm_campaign", "source")


def upgrade() -> None:
    # Nullable and without a default: no row is written again.
    op.execute("ALTER TABLE clicks " + ", ".join(f"ADD COLUMN {name} text" for name in _COLUMNS))


def downgrade() -> None:
    """The counts of these dimensions stay; the version before does not read them."""
    op.execute("ALTER TABLE clicks " + ", ".join(f"DROP COLUMN {name}" for name in _COLUMNS))
