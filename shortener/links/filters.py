"""Filters of lists of links: the same names in a query and in the body of a request for many links."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import ada_url
from pydantic import BeforeValidator, Field
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Select,
    Text,
    and_,
    func,
    literal_column,
    not_,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.clicks.models import ClickTotal
from shortener.http.expiry import Moment
from shortener.http.json_body import RequestBody
from shortener.http.pagination import escape_like, like_pattern
from shortener.links.choices import Having, State, TagMode
from shortener.links.conditions import Host
from shortener.links.lookup import RESTORABLE
from shortener.links.models import HAS_SHORT_SQL, SEARCHED_SQL, SHORT_SQL, Link
from shortener.links.readable import SEARCHED_CHARACTERS
from shortener.tags.models import Tag
from shortener.tags.names import MAX_TAGS_OF_LINK, TagName

# `Link`, or rows of it that a statement has chosen before.
Links = type[Link]

_SEARCH = (
    "Part of the code, of the short URL, of the title, the note or a tag, or of the first "
    f"{SEARCHED_CHARACTERS} characters of the URL, as it is stored or as people read it: with its host in Unicode and "
    "without percent-encoding."
)
# The host as `read_host` gives it; URLs are stored in normal form.
HOST_PATTERN = r"^https?://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)"

# Links with many clicks that are read at once, rather than the clicks of each link that is looked at.
FEW_CLICKED = 20_000


def _as_text(value: Any) -> Any:
    """Pydantic would read a number in a query as seconds since 1970. There the + of an offset reads as a space."""
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[T ]", value) is None:
        raise ValueError("use a moment such as 2026-11-21T09:30:00Z")
    return re.sub(r" (\d\d:?\d\d)$", r"+\1", value) if isinstance(value, str) else value


_Instant = Annotated[Moment, BeforeValidator(_as_text)]
_Tags = Annotated[list[TagName], Field(max_length=MAX_TAGS_OF_LINK)]
_Count = Annotated[int, Field(ge=0, lt=2**63)]


class LinkFilter(RequestBody):
    """All that is named has to hold."""

    q: str | None = Field(None, max_length=200, pattern=r"^[^\x00]*$", description=_SEARCH)
    tag: _Tags = Field([], description="Tags of the link.")
    tag_mode: TagMode = Field(TagMode.ANY, description="Whether one of these tags is enough.")
    without_tag: _Tags = Field([], description="Tags that the link does not have.")
    domain: Host | None = Field(
        None, description="The domain of the link, or the service's own host.", examples=["go.example.com"]
    )
    host: Host | None = Field(None, description="The destination's host.", examples=["example.com"])
    state: State | None = Field(
        None, description="Default: all but those that are deleted. Deleted ones are listed for 30 days."
    )
    archived: bool = Field(False, description="Whether to list the archived links, and no others.")
    created_from: _Instant | None = Field(None, description="The first moment; with a time zone.")
    created_to: _Instant | None = Field(None, description="The moment after the last one.")
    clicks_min: _Count | None = None
    clicks_max: _Count | None = None
    has: list[Having] = Field([], max_length=len(Having), description="The link has all of these.")


def clicks_of(link: Links) -> ColumnElement[int]:
    """People's clicks of each link. As a subquery it is looked up by key for just the rows that need it."""
    found = select(ClickTotal.clicks).where(ClickTotal.link_id == link.id).scalar_subquery()
    return func.coalesce(found, 0)


def is_whole(asked: LinkFilter) -> bool:
    """Whether the list is that of all links, but for those that are archived or deleted."""
    return asked.model_dump(exclude_defaults=True).keys() <= {"created_from", "created_to"}


def conditions(
    asked: LinkFilter, base_url: str, link: Links = Link, *, by_index: bool = False, few_clicked: bool = False
) -> list[ColumnElement[bool]]:
    """What holds for the links that are asked for. `by_index`: in forms for which there are indexes, too. It is
    worth it where few links match. `few_clicked`: few links have as many clicks as are asked for."""
    found: list[ColumnElement[bool]] = [_in_state(link, asked.state, datetime.now(UTC))]
    if asked.state not in (State.ARCHIVED, State.DELETED):
        found.append(link.is_archived.is_(asked.archived))
    if asked.q:
        found.append(_found_by(link, asked.q, base_url))
    if asked.tag:
        enough = [asked.tag] if asked.tag_mode is TagMode.ANY else [[name] for name in asked.tag]
        found += [_tagged(link, names) for names in enough]
    if asked.without_tag:
        found.append(not_(func.coalesce(_tagged(link, asked.without_tag), False)))
    if asked.domain is not None:
        found.append(_on(link, asked.domain, base_url))
    if asked.host is not None:
        # The first condition finds them by the index of the search.
        host = func.substring(link.url, HOST_PATTERN)
        found += [searched(f"://{asked.host}"), host.is_not_distinct_from(asked.host)]
    if by_index and asked.q and _is_short(asked.q):
        found.append(_has_short(asked.q))
    found += created_within(asked, link)
    if asked.clicks_min:
        found.append(_clicked_enough(link, asked.clicks_min, by_index, few_clicked))
    if asked.clicks_max is not None:
        found.append(asked.clicks_max >= clicks_of(link))
    return [*found, *_having(asked.has, link)]


def created_within(asked: LinkFilter, link: Links = Link) -> Iterator[ColumnElement[bool]]:
    if asked.created_from is not None:
        yield link.created_at >= asked.created_from
    if asked.created_to is not None:
        yield link.created_at < asked.created_to


def rare_within(asked: LinkFilter) -> Iterator[ColumnElement[bool]]:
    """What `conditions` say already, as the indexes of links that are rare have it: these follow the order by time."""
    if asked.state in _RARE:
        yield _RARE[asked.state]
    yield from _having([name for name in asked.has if name is not Having.NOTE], Link)


_RARE: dict[State | None, ColumnElement[bool]] = {
    State.DISABLED: Link.is_disabled.is_(True),
    State.ARCHIVED: Link.is_archived.is_(True),
    State.BANNED: Link.ban_id.is_not(None),
    State.SCHEDULED: Link.starts_at.is_not(None),
    State.EXPIRED: Link.expires_at.is_not(None),
    State.USED_UP: Link.max_clicks.is_not(None),
}


def _clicked_enough(link: Links, least: int, by_index: bool, few_clicked: bool) -> ColumnElement[bool]:
    """One link after the other is looked up, or all that have enough clicks are read once."""
    if by_index and few_clicked:
        # As an array: the database takes it for cheaper to read all links than to look up each of these.
        return link.id == func.any(func.array(_clicked(least).scalar_subquery()))
    return link.id.in_(_clicked(least)) if by_index or few_clicked else least <= clicks_of(link)


def _clicked(least: int) -> Select[int]:
    return select(ClickTotal.link_id).where(ClickTotal.clicks >= least)


async def count_clicked(session: AsyncSession, asked: LinkFilter) -> int | None:
    """The number of the service's links that have at least the clicks that are asked for; None where these are not
    few, or any number of clicks is enough."""
    if not asked.clicks_min:
        return None
    some = _clicked(asked.clicks_min).limit(FEW_CLICKED + 1).subquery()
    found = await session.scalar(select(func.count()).select_from(some)) or 0
    return found if found <= FEW_CLICKED else None


def _is_short(q: str) -> bool:
    """Whether trigrams say nothing about the text, and an index knows its characters."""
    return len(q) <= 2 and not any(map(str.isascii, q))


def _has_short(q: str) -> ColumnElement[bool]:
    return or_(and_(_HAS_SHORT, _SHORT.contains(array([func.lower(q)]))), _tagged_with_part(Link, q))


def _having(wanted: list[Having], link: Links) -> Iterator[ColumnElement[bool]]:
    return (_HAVING[name](link) for name in wanted)


# Conditions are made only where they are asked for: to make one takes longer than to find its page.
_HAVING: dict[Having, Callable[[Links], ColumnElement[bool]]] = {
    Having.PASSWORD: lambda link: link.password_hash.is_not(None),
    # Literals, so that the database sees which index has these links.
    Having.RULES: lambda link: link.options.op("?")(literal_column("'rules'")),
    Having.VARIANTS: lambda link: link.options.op("?")(literal_column("'variants'")),
    Having.LIMIT: lambda link: link.max_clicks.is_not(None),
    Having.NOTE: lambda link: link.note.is_not(None),
}


def _in_state(link: Links, state: State | None, now: datetime) -> ColumnElement[bool]:
    if state is State.DELETED:
        # A row without a URL only keeps a code from being given away again.
        return and_(link.deleted_at > now - RESTORABLE, link.url != "")
    is_there = link.deleted_at.is_(None)
    return is_there if state is None else and_(is_there, _STATES[state](link, now))


def _expired(link: Links, now: datetime) -> ColumnElement[bool]:
    return link.expires_at <= now


def _scheduled(link: Links, now: datetime) -> ColumnElement[bool]:
    return link.starts_at > now


def _used_up(link: Links, _now: datetime) -> ColumnElement[bool]:
    return and_(link.max_clicks.is_not(None), link.max_clicks <= clicks_of(link))


def _live(link: Links, now: datetime) -> ColumnElement[bool]:
    others = (not_(func.coalesce(is_in(link, now), False)) for is_in in (_expired, _scheduled, _used_up))
    return and_(~link.is_disabled, link.ban_id.is_(None), *others)


_STATES: dict[State, Callable[[Links, datetime], ColumnElement[bool]]] = {
    State.SCHEDULED: _scheduled,
    State.EXPIRED: _expired,
    State.USED_UP: _used_up,
    State.DISABLED: lambda link, _now: link.is_disabled.is_(True),
    State.ARCHIVED: lambda link, _now: link.is_archived.is_(True),
    State.BANNED: lambda link, _now: link.ban_id.is_not(None),
    State.LIVE: _live,
}


_SEARCHED = literal_column(SEARCHED_SQL, Text)
# The same, in a form that is not an index's.
_NOT_INDEXED = literal_column(f"({SEARCHED_SQL} || '')", Text)
# Characters.
PART = 5
_SHORT = func.links_short(literal_column(SHORT_SQL, Text), type_=ARRAY(Text))
_HAS_SHORT = literal_column(HAS_SHORT_SQL, Boolean)


def searched(text: str, *, at_start: bool = False) -> ColumnElement[bool]:
    """The searched texts have this one in them, or at their start. For a long text the index is asked for parts of it:
    each trigram costs, and frequent ones cost most."""
    before = "" if at_start else "%"
    whole = f"{before}{escape_like(text)}%"
    if not is_searched_by_parts(text):
        return _SEARCHED.ilike(whole)
    parts = "%".join(map(escape_like, parts_of(text)))
    return and_(_SEARCHED.ilike(f"{before}{parts}%"), _NOT_INDEXED.ilike(whole))


def is_searched_by_parts(text: str) -> bool:
    return len(text) > 3 * PART


def parts_of(text: str) -> tuple[str, str, str]:
    """The beginning of a long text, its end, and of what is between them the part that has most digits, since these are
    rarely the same in many texts."""
    places = range(PART, len(text) - 2 * PART + 1)
    between = max((text[n : n + PART] for n in places), key=lambda part: sum(map(str.isdigit, part)))
    return text[:PART], between, text[-PART:]


def _ids(condition: ColumnElement[bool]) -> ColumnElement[list[int]]:
    """Tags with names for which the condition holds, and those that were merged into them."""
    named = select(Tag.id).where(condition, ~Tag.is_gone).correlate(None)
    either = select(Tag.id).where(or_(Tag.id.in_(named), Tag.merged_into.in_(named))).correlate(None)
    return func.array(either.scalar_subquery(), type_=ARRAY(BigInteger))


def _tagged(link: Links, names: list[str]) -> ColumnElement[Any]:
    """The link has one of these tags. Workspaces share no ids of tags."""
    has_one: ColumnElement[Any] = link.tag_ids.overlap(_ids(Tag.name.in_(names)))
    return has_one


def _tagged_with_part(link: Links, q: str) -> ColumnElement[Any]:
    has_one: ColumnElement[Any] = link.tag_ids.overlap(_ids(Tag.name.collate("default").ilike(like_pattern(q))))
    return has_one


def _on(link: Links, domain: str, base_url: str) -> ColumnElement[bool]:
    if domain == str(ada_url.URL(base_url).hostname):
        return func.strpos(link.code, "/") == 0
    # "0" follows "/" in the order of the index.
    return and_(link.code >= f"{domain}/", link.code < f"{domain}0")


def _found_by(link: Links, q: str, base_url: str) -> ColumnElement[bool]:
    found = [
        searched(q),
        link.note.ilike(like_pattern(q)),
        _tagged_with_part(link, q),
    ]
    before, slash, code = q.rpartition("/")
    if slash and code and base_url.lower().endswith(before.lower()):
        # The searched text begins with the code.
        found.append(searched(code, at_start=True))
    scheme, slashes, address = q.partition("://")
    if slashes and address and scheme in ("http", "https"):
        # Codes of domains have the domain in front.
        found.append(searched(address, at_start=True))
    return or_(*found)
