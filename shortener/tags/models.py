"""Tables of tags. Links hold the ids of their tags in `links.tag_ids`."""

import uuid
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Identity, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base

# For lack of a workspace: links without an owner have tags, too.
NO_WORKSPACE: Final = uuid.UUID(int=0)


class Tag(Base):
    """A tag of a workspace. One that was deleted or merged into another gives its name away at once, and stays until
    the worker has taken its id from all links."""

    __tablename__ = "tags"
    __table_args__ = (
        Index("ix_tags_workspace_id_name", "workspace_id", "name", unique=True, postgresql_where=text("NOT is_gone")),
        Index("ix_tags_is_gone", "id", postgresql_where=text("is_gone")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[uuid.UUID]
    name: Mapped[str] = mapped_column(Text(collation="C"))
    color: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    is_gone: Mapped[bool] = mapped_column(server_default=text("false"))
    # The tag that takes its links; null for a deleted one.
    merged_into: Mapped[int | None] = mapped_column(BigInteger)
    # Live links, but for the rows of `tag_changes`.
    links: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    # People's clicks of these links, as the worker last counted them.
    clicks: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class TagChange(Base):
    """Numbers of links to add to those of a tag. A trigger writes them: who changes links of a tag never waits for
    somebody else who does."""

    __tablename__ = "tag_changes"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    tag_id: Mapped[int] = mapped_column(BigInteger, index=True)
    links: Mapped[int] = mapped_column(Integer)
