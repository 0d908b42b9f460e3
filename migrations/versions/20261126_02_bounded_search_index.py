"""A search index over a bounded part of each link, under the name of the one that covered whole URLs: a worker of the
version before merges it by that name.

Revision ID: 20261126_02
Revises: 20261126_01
"""

from alembic import op

revision = "20261126_02"
down_revision = "20261126_01"
branch_labels = None
depends_on = None

_INDEX, _NEW = "ix_links_search", "ix_links_search_new"
_WHOLE = "(code COLLATE \"default\" || chr(10) || url || chr(10) || coalesce(title, ''))"
_BOUNDED = (
    "(code COLLATE \"default\" || chr(10) || left(url, 256) || chr(10) || coalesce(title, '')"
    " || chr(10) || coalesce(readable_url, ''))"
)


def upgrade() -> None:
    _replace(_BOUNDED)


def downgrade() -> None:
    _replace(_WHOLE)


def _replace(expression: str) -> None:
    """While links are created and changed: it waits for the transactions of others, and nobody waits for it.
    Alone in its migration, so that one that is cut short can be run again."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        # One that was given up halfway is there, and of no use.
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_NEW}")
        op.execute(
            f"CREATE INDEX CONCURRENTLY {_NEW} ON links USING gin ({expression} gin_trgm_ops)"
            " WITH (gin_pending_list_limit = 16384) WHERE deleted_at IS NULL"
        )
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_INDEX}")
        op.execute("SET lock_timeout = '5s'")
        op.execute(f"ALTER INDEX {_NEW} RENAME TO {_INDEX}")
