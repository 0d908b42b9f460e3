"""Tables of links."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shortener.links.readable import SEARCHED_CHARACTERS
from shortener.stores.database import Base

# What `q` searches, of bounded length. The separator is a character that no search holds. The index and the query must
# use the same expression. In the code's own collation, letters outside of ASCII would be compared with regard to case.
SEARCHED_SQL = (
    f"(code COLLATE \"default\" || chr(10) || left(url, {SEARCHED_CHARACTERS}) || chr(10) || coalesce(title, '')"
    " || chr(10) || coalesce(readable_url, ''))"
)


class Link(Base):
    """A link. A deleted one stays as a row, so that its code is never handed out again and answers 410.

    Without a workspace it was made by somebody unknown. There is no foreign key, which would be looked up for each of
    a thousand rows: who creates in a workspace locks their membership, and who deletes it waits for them."""

    __tablename__ = "links"
    __table_args__ = (
        # One index over all three, since each index is paid at every create.
        Index(
            "ix_links_search",
            text(f"{SEARCHED_SQL} gin_trgm_ops"),
            postgresql_using="gin",
            # New links wait in a list that searches read through. The worker merges many at once into the index, every
            # other second. A create that fills the list sooner merges it while its client waits.
            postgresql_with={"gin_pending_list_limit": 16384},
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_links_workspace_id_created_at_id",
            "workspace_id",
            "created_at",
            "id",
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("ix_links_updated_at", "updated_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(Text(collation="C"), unique=True)
    url: Mapped[str] = mapped_column(Text)
    # For the search; null where it is the URL itself.
    readable_url: Mapped[str | None] = mapped_column(Text)
    title: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime | None]
    is_disabled: Mapped[bool] = mapped_column(server_default=text("false"))
    deleted_at: Mapped[datetime | None]
    # Without a key to the table of bans, which would be looked into at every create.
    ban_id: Mapped[int | None] = mapped_column(BigInteger)
    # Why the destination's host is suspicious.
    flag: Mapped[str | None] = mapped_column(Text)
    has_warning: Mapped[bool] = mapped_column(server_default=text("false"))
    workspace_id: Mapped[uuid.UUID | None]


class IdempotencyKey(Base):
    """An answer that is given again to the same key: a link, or the answer itself. `id` is a hash of client and key."""

    __tablename__ = "idempotency_keys"

    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    link_id: Mapped[int] = mapped_column(BigInteger)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"), index=True)
