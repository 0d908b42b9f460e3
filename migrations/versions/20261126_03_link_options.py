"""What a link does when it is followed: when it begins, how often it works, its password, its rules, its other codes.

Revision ID: 20261126_03
Revises: 20261126_02
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_03"
down_revision = "20261126_02"
branch_labels = None
depends_on = None

_LINKS = {
    "starts_at": "timestamptz",
    "max_clicks": "bigint",
    "note": "text",
    "is_archived": "boolean NOT NULL DEFAULT false",
    "password_hash": "text",
    "options": "jsonb",
    "alias_of": "bigint",
}
_CLICKS = {"rule": "text", "variant": "text"}


def upgrade() -> None:
    # Without a default that is computed: no row is written again.
    _add("links", _LINKS)
    _add("clicks", _CLICKS)
    op.create_table(
        "click_limits",
        sa.Column("link_id", sa.BigInteger(), primary_key=True),
        sa.Column("used", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_links_alias_of", "links", ["alias_of"], postgresql_where=sa.text("alias_of IS NOT NULL"))


def downgrade() -> None:
    """Aliases become deleted links; what the version before does not know of links is lost."""
    op.drop_index("ix_links_alias_of", "links")
    op.drop_table("click_limits")
    _drop("clicks", _CLICKS)
    _drop("links", _LINKS)


def _add(table: str, columns: dict[str, str]) -> None:
    op.execute(f"ALTER TABLE {table} " + ", ".join(f"ADD COLUMN {name} {type_}" for name, type_ in columns.items()))


def _drop(table: str, columns: dict[str, str]) -> None:
    op.execute(f"ALTER TABLE {table} " + ", ".join(f"DROP COLUMN {name}" for name in columns))
