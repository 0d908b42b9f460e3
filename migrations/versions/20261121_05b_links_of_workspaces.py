"""The index that lists a workspace's links, instead of the one that listed all.

Revision ID: 20261121_05b
Revises: 20261121_05
"""

import sqlalchemy as sa
from alembic import op

revision = "20261121_05b"
down_revision = "20261121_05"
branch_labels = None
depends_on = None

_OF_ALL, _OF_WORKSPACES = "ix_links_created_at_id", "ix_links_workspace_id_created_at_id"


def upgrade() -> None:
    _replace(_OF_ALL, _OF_WORKSPACES, ["workspace_id", "created_at", "id"])


def downgrade() -> None:
    _replace(_OF_WORKSPACES, _OF_ALL, ["created_at", "id"])


def _replace(old: str, new: str, columns: list[str]) -> None:
    """While links are created and changed: it waits for the transactions of others, and nobody waits for it.
    Alone in its migration, so that one that is cut short can be run again."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        # One that was given up halfway is there, and of no use.
        op.drop_index(new, "links", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            new, "links", columns, postgresql_where=sa.text("deleted_at IS NULL"), postgresql_concurrently=True
        )
        op.drop_index(old, "links", if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = '5s'")
