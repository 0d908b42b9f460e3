"""Finding a link by one of its codes or by its id, together with what the caller may do with it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Boolean, ColumnElement, Select, Text, and_, any_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from shortener.access.memberships import Caller, InsufficientRole
from shortener.access.models import Member, Role
from shortener.clicks.models import ClickTotal
from shortener.errors import ShortenerError
from shortener.links.ids import number_of
from shortener.links.models import Link
from shortener.redirect.errors import LinkNotFound

RESTORABLE = timedelta(days=30)


class UnknownLink(LinkNotFound):
    def __init__(self, code: str) -> None:
        super().__init__(f"The link {code} does not exist.")


_Code = aliased(Link)
# The link, its clicks and the caller's role, by one statement: a link of somebody else takes the same path as one that
# does not exist. Built once: per request it cost a sixth of the time.
_VISIBLE = (
    select(Link, func.coalesce(ClickTotal.clicks, 0), Member.role)
    .outerjoin(ClickTotal, ClickTotal.link_id == Link.id)
    .outerjoin(Member, and_(Member.workspace_id == Link.workspace_id, Member.user_id == bindparam("user_id")))
    .where(
        or_(
            Member.user_id.is_not(None),
            and_(Link.workspace_id.is_(None), bindparam("has_unowned", type_=Boolean)),
            bindparam("is_operator", type_=Boolean),
        )
    )
)
_OF_CODE = Link.id == (
    select(func.coalesce(_Code.alias_of, _Code.id)).where(_Code.code == bindparam("code")).scalar_subquery()
)
_OF_NUMBER = Link.id == bindparam("number", type_=BigInteger)
_IS_LIVE = Link.deleted_at.is_(None)
# A row without a URL only keeps a code from being given away again.
_IS_RESTORABLE = and_(Link.deleted_at > bindparam("since"), Link.url != "")


def _statements(state: ColumnElement[bool], *, locked: bool) -> tuple[Select[Link, int, str], Select[Link, int, str]]:
    """By code, and by number."""
    both = _VISIBLE.where(state, _OF_CODE), _VISIBLE.where(state, _OF_NUMBER)
    return tuple(each.with_for_update(of=Link) for each in both) if locked else both  # type: ignore[return-value]


_LIVE, _LOCKED = _statements(_IS_LIVE, locked=False), _statements(_IS_LIVE, locked=True)
_DELETED_LOCKED = _statements(_IS_RESTORABLE, locked=True)


# In one order: of two requests for the same links the one waits for the other, and never both.
_MANY_LOCKED = _VISIBLE.where(_IS_LIVE, Link.id == any_(bindparam("numbers", type_=ARRAY(BigInteger))))
_MANY_LOCKED = _MANY_LOCKED.order_by(Link.id).with_for_update(of=Link)
_NUMBERS = select(Link.code, func.coalesce(Link.alias_of, Link.id)).where(
    Link.code == any_(bindparam("codes", type_=ARRAY(Text)))
)


class Lookup:
    """Finds links. `stored_code` gives the form of a code in the database; ids are compared as they are."""

    def __init__(self, stored_code: Callable[[str], str]) -> None:
        self._stored_code = stored_code

    async def find(self, session: AsyncSession, caller: Caller, name: str) -> tuple[Link, int]:
        """A link and its clicks, by a code or its id. Raises UnknownLink."""
        link, clicks, _ = await self._find(session, _LIVE, caller, name)
        return link, clicks

    async def find_locked(self, session: AsyncSession, caller: Caller, name: str) -> tuple[Link, int]:
        """To be changed. Raises UnknownLink, InsufficientRole."""
        return _writable(*await self._find(session, _LOCKED, caller, name))

    async def find_many_locked(
        self, session: AsyncSession, caller: Caller, names: Sequence[str]
    ) -> dict[str, Link | ShortenerError]:
        """For each name the link, to be changed, or UnknownLink or InsufficientRole."""
        codes = {name: self._stored_code(name) for name in names if number_of(name) is None}
        rows_of_codes = await session.execute(_NUMBERS, {"codes": list(codes.values())})
        of_codes = {row[0]: row[1] for row in rows_of_codes}
        numbers = {name: of_codes.get(codes[name]) if name in codes else number_of(name) for name in names}
        asked = {"numbers": [number for number in set(numbers.values()) if number is not None], **caller._asdict()}
        rows = {row[0].id: row for row in await session.execute(_MANY_LOCKED, asked)}
        found: dict[str, Link | ShortenerError] = {}
        for name, number in numbers.items():
            row = None if number is None else rows.get(number)
            if row is None:
                found[name] = UnknownLink(name)
            else:
                found[name] = InsufficientRole(Role.EDITOR) if row[2] == Role.VIEWER else row[0]
        return found

    async def find_deleted(self, session: AsyncSession, caller: Caller, name: str) -> tuple[Link, int]:
        """To be restored: deleted not too long ago. Raises UnknownLink, InsufficientRole."""
        since = datetime.now(UTC) - RESTORABLE
        return _writable(*await self._find(session, _DELETED_LOCKED, caller, name, since=since))

    async def _find(
        self,
        session: AsyncSession,
        statements: tuple[Select[Link, int, str], Select[Link, int, str]],
        caller: Caller,
        name: str,
        **more: datetime,
    ) -> tuple[Link, int, str | None]:
        of_code, of_number = statements
        number = number_of(name)
        key = {"code": self._stored_code(name)} if number is None else {"number": number}
        statement = of_code if number is None else of_number
        row = (await session.execute(statement, {**key, **caller._asdict(), **more})).one_or_none()
        if row is None:
            raise UnknownLink(name)
        link, clicks, role = row
        return link, clicks, role


def _writable(link: Link, clicks: int, role: str | None) -> tuple[Link, int]:
    if role == Role.VIEWER:
        raise InsufficientRole(Role.EDITOR)
    return link, clicks
