"""Tags of links, and how many links each has.

Revision ID: 20261126_08
Revises: 20261126_07
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_08"
down_revision = "20261126_07"
branch_labels = None
depends_on = None

# Once per statement: a bulk request creates a thousand links with one.
_COUNT_NEW = """
CREATE FUNCTION count_tags_of_new_links() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tag_changes (tag_id, links)
    SELECT tag_id, count(*) FROM new_links, unnest(tag_ids) AS tag_id WHERE deleted_at IS NULL GROUP BY tag_id;
    RETURN NULL;
END $$
"""
_COUNT_CHANGED = """
CREATE FUNCTION count_tags_of_changed_links() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tag_changes (tag_id, links)
    SELECT tag_id, sum(links) FROM (
        SELECT unnest(tag_ids) AS tag_id, 1 AS links FROM new_links WHERE deleted_at IS NULL
        UNION ALL SELECT unnest(tag_ids), -1 FROM old_links WHERE deleted_at IS NULL
    ) AS changed GROUP BY tag_id HAVING sum(links) <> 0;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "tags",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("color", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("is_gone", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("merged_into", sa.BigInteger()),
        sa.Column("links", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("clicks", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    )
    op.create_index(
        "ix_tags_workspace_id_name",
        "tags",
        ["workspace_id", "name"],
        unique=True,
        postgresql_where=sa.text("NOT is_gone"),
    )
    op.create_index("ix_tags_is_gone", "tags", ["id"], postgresql_where=sa.text("is_gone"))
    op.create_table(
        "tag_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("tag_id", sa.BigInteger(), nullable=False),
        sa.Column("links", sa.Integer(), nullable=False),
    )
    op.create_index("ix_tag_changes_tag_id", "tag_changes", ["tag_id"])
    op.execute("ALTER TABLE links ADD COLUMN tag_ids bigint[]")
    op.create_index(
        "ix_links_tag_ids",
        "links",
        ["tag_ids"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=sa.text("tag_ids IS NOT NULL"),
    )
    op.execute(_COUNT_NEW)
    op.execute(_COUNT_CHANGED)
    op.execute(
        "CREATE TRIGGER count_tags_of_new_links AFTER INSERT ON links REFERENCING NEW TABLE AS new_links "
        "FOR EACH STATEMENT EXECUTE FUNCTION count_tags_of_new_links()"
    )
    op.execute(
        "CREATE TRIGGER count_tags_of_changed_links AFTER UPDATE ON links "
        "REFERENCING NEW TABLE AS new_links OLD TABLE AS old_links "
        "FOR EACH STATEMENT EXECUTE FUNCTION count_tags_of_changed_links()"
    )


def downgrade() -> None:
    """Tags are lost."""
    for name in ("count_tags_of_new_links", "count_tags_of_changed_links"):
        op.execute(f"DROP TRIGGER {name} ON links")
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_index("ix_links_tag_ids", "links")
    op.execute("ALTER TABLE links DROP COLUMN tag_ids")
    op.drop_table("tag_changes")
    op.drop_table("tags")
