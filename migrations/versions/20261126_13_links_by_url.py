"""An index that finds links by their URL.

Revision ID: 20261126_13
Revises: 20261126_12
"""

from alembic import op

revision = "20261126_13"
down_revision = "20261126_12"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_links_workspace_id_url_hash_id "
            "ON links (workspace_id, hashtextextended(url, 0), id) WHERE deleted_at IS NULL"
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_links_workspace_id_url_hash_id")
