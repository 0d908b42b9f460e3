"""Links without options have no value there; some had the JSON null.

Revision ID: 20261126_21
Revises: 20261126_20
"""

from alembic import op

revision = "20261126_21"
down_revision = "20261126_20"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE links SET options = NULL WHERE options = 'null'")


def downgrade() -> None:
    """Both mean the same."""
