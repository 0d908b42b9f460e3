"""An index of the links that end, by time: expired ones are listed by it.

Revision ID: 20261127_22
Revises: 20261126_21
"""

from alembic import op

revision = "20261127_22"
down_revision = "20261126_21"
branch_labels = None
depends_on = None

_INDEX = "ix_links_ending"


def upgrade() -> None:
    """While links are created and followed: nobody waits for it."""
    with op.get_context().autocommit_block():
        # One that was cut off cannot be used, and is made again.
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_INDEX}")
        op.execute(
            f"CREATE INDEX CONCURRENTLY {_INDEX} ON links (workspace_id, created_at, id) "
            "WHERE deleted_at IS NULL AND expires_at IS NOT NULL"
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_INDEX}")
