"""An index for the search in notes. Links without a note cost it nothing.

Revision ID: 20261126_09
Revises: 20261126_08
"""

from alembic import op

revision = "20261126_09"
down_revision = "20261126_08"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_links_note ON links USING gin (note gin_trgm_ops) "
            "WHERE note IS NOT NULL AND deleted_at IS NULL"
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_links_note")
