"""Answers of bulk requests, and a search index that is merged in the background.

Revision ID: 20261121_02
Revises: 20261121_01
"""

import sqlalchemy as sa
from alembic import op

revision = "20261121_02"
down_revision = "20261121_01"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("idempotency_keys", sa.Column("answer", sa.LargeBinary(), nullable=True))
    op.execute("ALTER INDEX ix_links_search SET (gin_pending_list_limit = 16384)")


def downgrade() -> None:
    op.execute("ALTER INDEX ix_links_search RESET (gin_pending_list_limit)")
    op.drop_column("idempotency_keys", "answer")
