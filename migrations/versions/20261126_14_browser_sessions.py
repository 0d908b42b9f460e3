"""Sessions of browsers.

Revision ID: 20261126_14
Revises: 20261126_13
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_14"
down_revision = "20261126_13"
branch_labels = None
depends_on = None

_INDEX = "uq_sessions_cookie_hash"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("cookie_hash", sa.LargeBinary()))
    op.add_column("sessions", sa.Column("browser", sa.Text()))
    op.add_column("sessions", sa.Column("network", sa.Text()))
    with op.get_context().autocommit_block():
        op.execute(f"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {_INDEX} ON sessions (cookie_hash)")
    op.execute(f"ALTER TABLE sessions ADD CONSTRAINT {_INDEX} UNIQUE USING INDEX {_INDEX}")


def downgrade() -> None:
    for column in ("network", "browser", "cookie_hash"):
        op.drop_column("sessions", column)
