"""Tables of links."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Identity,
    Index,
    LargeBinary,
    Text,
    any_,
    distinct,
    func,
    literal_column,
    or_,
    outerjoin,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, aliased, column_property, mapped_column

from shortener.links.readable import SEARCHED_CHARACTERS
from shortener.stores.database import Base
from shortener.stores.stored_json import StoredJsonColumn
from shortener.tags.models import Tag

# What `q` searches, of bounded length. The separator is a character that no search holds. The index and the query must
# use the same expression. In the code's own collation, letters outside of ASCII would be compared with regard to case.
SEARCHED_SQL = (
    f"(code COLLATE \"default\" || chr(10) || left(url, {SEARCHED_CHARACTERS}) || chr(10) || coalesce(title, '')"
    " || chr(10) || coalesce(readable_url, ''))"
)


# By which links to the same URL are found: a URL may be too long for an index.
URL_HASH = literal_column("hashtextextended(links.url, 0)", BigInteger)

# Of links that are listed by what few of them have. Links without it cost nothing.
RARE = {
    "is_archived": "is_archived IS true",
    "is_disabled": "is_disabled IS true",
    "ban_id": "ban_id IS NOT NULL",
    "ending": "expires_at IS NOT NULL",
    "starts_at": "starts_at IS NOT NULL",
    "max_clicks": "max_clicks IS NOT NULL",
    "password_hash": "password_hash IS NOT NULL",
    "rules": "options ? 'rules'",
    "variants": "options ? 'variants'",
}
TITLE_SQL = "nullif(title, '') COLLATE \"C\""

# What `q` searches where it has one or two characters outside of ASCII, of which trigrams know nothing. The function
# gives each such character, and each two that follow each other, in lower case.
SHORT_SQL = f"({SEARCHED_SQL} || chr(10) || coalesce(note, ''))"
HAS_SHORT_SQL = f"octet_length({SHORT_SQL}) <> length({SHORT_SQL})"

_MERGED_INTO = aliased(Tag)


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
        Index(
            "ix_links_workspace_id_url_hash_id",
            "workspace_id",
            text("hashtextextended(url, 0)"),
            "id",
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_links_short",
            text(f"links_short({SHORT_SQL})"),
            postgresql_using="gin",
            postgresql_where=text(f"deleted_at IS NULL AND {HAS_SHORT_SQL}"),
        ),
        Index("ix_links_updated_at", "updated_at"),
        Index(
            "ix_links_note",
            text("note gin_trgm_ops"),
            postgresql_using="gin",
            postgresql_where=text("note IS NOT NULL AND deleted_at IS NULL"),
        ),
        Index(
            "ix_links_tag_ids",
            "tag_ids",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
            postgresql_where=text("tag_ids IS NOT NULL"),
        ),
        Index("ix_links_alias_of", "alias_of", postgresql_where=text("alias_of IS NOT NULL")),
        Index(
            "ix_links_title",
            text(TITLE_SQL),
            "id",
            postgresql_where=text(f"deleted_at IS NULL AND {TITLE_SQL} IS NOT NULL"),
        ),
        Index(
            "ix_links_expires_at",
            "expires_at",
            "id",
            postgresql_where=text("expires_at IS NOT NULL AND deleted_at IS NULL"),
        ),
        Index(
            "ix_links_workspace_id_deleted_at",
            "workspace_id",
            "deleted_at",
            postgresql_where=text("deleted_at IS NOT NULL"),
        ),
        *(
            Index(
                f"ix_links_{name}",
                "workspace_id",
                "created_at",
                "id",
                postgresql_where=text(f"deleted_at IS NULL AND {condition}"),
            )
            for name, condition in RARE.items()
        ),
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
    starts_at: Mapped[datetime | None]
    # People's clicks in all; `click_limits` counts them.
    max_clicks: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str | None] = mapped_column(Text)
    is_archived: Mapped[bool] = mapped_column(server_default=text("false"))
    password_hash: Mapped[str | None] = mapped_column(Text)
    # What `redirect.options.Options` holds; null when all of it has its default.
    options: Mapped[Mapping[str, Any] | None] = mapped_column(StoredJsonColumn)
    # Of `tags`, in order; null for none. Some may be gone, which `tag_names` leaves out.
    tag_ids: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    tag_names: Mapped[list[str] | None] = column_property(
        select(func.array_agg(distinct(func.coalesce(_MERGED_INTO.name, Tag.name))))
        .select_from(outerjoin(Tag, _MERGED_INTO, _MERGED_INTO.id == Tag.merged_into))
        .where(Tag.id == any_(tag_ids), or_(~Tag.is_gone, _MERGED_INTO.id.is_not(None)))
        .correlate_except(Tag, _MERGED_INTO)
        .scalar_subquery()
    )
    # Another link, for which this row only holds one more code. It counts as deleted, so that nothing else sees it.
    alias_of: Mapped[int | None] = mapped_column(BigInteger)


class IdempotencyKey(Base):
    """An answer that is given again to the same key: a link, or the answer itself. `id` is a hash of client and key."""

    __tablename__ = "idempotency_keys"

    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    link_id: Mapped[int] = mapped_column(BigInteger)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"), index=True)
