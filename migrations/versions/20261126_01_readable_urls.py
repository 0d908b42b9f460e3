"""The form of a URL that people read and type, for the search.

Revision ID: 20261126_01
Revises: 20261121_09
"""

import sqlalchemy as sa
from alembic import op

from shortener.links.readable import readable_url

revision = "20261126_01"
down_revision = "20261121_09"
branch_labels = None
depends_on = None

LINKS_AT_ONCE = 10_000

# Ranges of ids, since no index knows which URLs are encoded.
_ENCODED = sa.text("SELECT id, url FROM links WHERE id > :after AND id <= :last AND url ~* '%|xn--' ORDER BY id")
_FILL = sa.text(
    "UPDATE links SET readable_url = new.form"
    " FROM unnest(CAST(:ids AS bigint[]), CAST(:urls AS text[]), CAST(:forms AS text[])) AS new (id, url, form)"
    " WHERE links.id = new.id AND links.url = new.url"
)


def upgrade() -> None:
    op.execute("ALTER TABLE links ADD COLUMN IF NOT EXISTS readable_url text")
    with op.get_context().autocommit_block():
        _fill()


def downgrade() -> None:
    op.drop_column("links", "readable_url")


def _fill() -> None:
    """In short transactions, while links are created and changed. It can be cut short and run again."""
    connection = op.get_bind()
    newest = connection.scalar(sa.text("SELECT max(id) FROM links")) or 0
    for after in range(0, newest, LINKS_AT_ONCE):
        rows = connection.execute(_ENCODED, {"after": after, "last": after + LINKS_AT_ONCE}).all()
        found = [(id_, url, form) for id_, url in rows if (form := readable_url(url)) is not None]
        if found:
            ids, urls, forms = (list(column) for column in zip(*found, strict=True))
            connection.execute(_FILL, {"ids": ids, "urls": urls, "forms": forms})
