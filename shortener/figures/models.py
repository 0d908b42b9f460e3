"""Tables of groups of links. The counts of a group are rows of the tables of clicks, under its negative id."""

from sqlalchemy import BigInteger, Identity, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shortener.stores.database import Base


class FigureGroup(Base):
    """A group of links of a kind, such as those of a workspace; `key` says of which one."""

    __tablename__ = "figure_groups"
    __table_args__ = (UniqueConstraint("kind", "key"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)


class GroupMember(Base):
    """A link whose clicks are in the counts of a group."""

    __tablename__ = "group_members"

    link_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    group_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, index=True)
