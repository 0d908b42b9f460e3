"""Indexes by which lists of many links are sorted and filtered.

Revision ID: 20261126_20
Revises: 20261126_19
"""

from alembic import op

revision = "20261126_20"
down_revision = "20261126_19"
branch_labels = None
depends_on = None

_BY_TIME = "links (workspace_id, created_at, id) WHERE deleted_at IS NULL AND"
_SHORT = (
    "(code COLLATE \"default\" || chr(10) || left(url, 256) || chr(10) || coalesce(title, '')"
    " || chr(10) || coalesce(readable_url, '') || chr(10) || coalesce(note, ''))"
)
_FUNCTION = r"""
    CREATE OR REPLACE FUNCTION links_short(searched text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (
        SELECT array_agg(DISTINCT substr(run[1], start, size))
        FROM regexp_matches(lower(searched), '[^\x01-\x7f]+', 'g') AS run, generate_series(1, 2) AS size,
            generate_series(1, length(run[1]) - size + 1) AS start
    )
"""
_INDEXES = {
    "ix_links_short": f"links USING gin (links_short({_SHORT})) "
    f"WHERE deleted_at IS NULL AND octet_length({_SHORT}) <> length({_SHORT})",
    "ix_click_totals_clicks": "click_totals (clicks, link_id)",
    "ix_links_title": "links ((nullif(title, '') COLLATE \"C\"), id) "
    "WHERE deleted_at IS NULL AND nullif(title, '') COLLATE \"C\" IS NOT NULL",
    "ix_links_workspace_id_deleted_at": "links (workspace_id, deleted_at) WHERE deleted_at IS NOT NULL",
    "ix_links_is_archived": f"{_BY_TIME} is_archived IS true",
    "ix_links_is_disabled": f"{_BY_TIME} is_disabled IS true",
    "ix_links_ban_id": f"{_BY_TIME} ban_id IS NOT NULL",
    "ix_links_starts_at": f"{_BY_TIME} starts_at IS NOT NULL",
    "ix_links_max_clicks": f"{_BY_TIME} max_clicks IS NOT NULL",
    "ix_links_password_hash": f"{_BY_TIME} password_hash IS NOT NULL",
    "ix_links_rules": f"{_BY_TIME} options ? 'rules'",
    "ix_links_variants": f"{_BY_TIME} options ? 'variants'",
}


def upgrade() -> None:
    """While links are created and followed: nobody waits for it."""
    op.execute(_FUNCTION)
    with op.get_context().autocommit_block():
        for name, definition in _INDEXES.items():
            # One that was cut off cannot be used, and is made again.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {definition}")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name in _INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    op.execute("DROP FUNCTION links_short(text)")
