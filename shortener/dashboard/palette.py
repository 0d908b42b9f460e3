"""One field over everything: links, tags, places and workspaces."""

import re
from collections.abc import Iterator
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request, Response

from shortener.access.routes import CallerDep
from shortener.dashboard.page import render
from shortener.dashboard.reader import Visitor, VisitorDep
from shortener.dashboard.routes import PageRoute
from shortener.dashboard.rows import read_rows
from shortener.dashboard.search import read_search
from shortener.dashboard.templates import name_of, query, short_of
from shortener.dashboard.wording import _
from shortener.http.pagination import Order
from shortener.links.choices import Sort
from shortener.stores.sessions import Writer
from shortener.tags import service as tags
from shortener.tags.choices import TagOrder

router = APIRouter(prefix="/-/palette", route_class=PageRoute, include_in_schema=False)

_LINK = re.compile(r"/-/links/[A-Za-z0-9_-]+")
# Results of a group.
_MOST = 5


class Found(NamedTuple):
    """`short_url` is copied by a key."""

    path: str
    icon: str
    text: str
    detail: str = ""
    short_url: str = ""


@router.head("")
@router.get("")
async def palette(
    request: Request,
    session: Writer,
    caller: CallerDep,
    visitor: VisitorDep,
    q: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
) -> Response:
    words = q.strip().lower()
    sort = Sort.CLICKS if not words else Sort.CREATED_AT
    options = {"sort": sort, "order": Order.DESC, "limit": _MOST, "cursor": None}
    rows, _page = await read_rows(request, session, caller, visitor.place, read_search(q).asked, **options)
    links = [
        Found(f"/-/links/{name_of(link)}", "link", link.title or short_of(link), short_of(link), link.short_url)
        for link, *_rest in rows
    ]
    found_tags = []
    if words:
        page = await tags.list_tags(
            session,
            caller,
            visitor.place,
            q=words,
            sort=TagOrder.LINKS,
            order=Order.DESC,
            limit=_MOST,
            cursor=None,
        )
        found_tags = [Found(f"/-/links{query({'q': f'tag:{tag.name}'})}", "tag", tag.name) for tag, *_ in page.rows]
    places = [place for place in _places(visitor) if words in place.text.lower()]
    spaces = [
        Found(f"/-/switch?workspace={space.id}", "users", space.name)
        for space in visitor.spaces
        if words in space.name.lower() and len(visitor.spaces) > 1
    ]
    groups = {
        _("This link"): [found for found in _of_link(request, visitor) if words in found.text.lower()],
        _("Links"): links,
        _("Tags"): found_tags,
        _("Places"): places if words else places[:_MOST],
        _("Workspaces"): spaces[:_MOST],
    }
    values = {"visitor": visitor, "q": q, "groups": {name: found for name, found in groups.items() if found}}
    return render(request, "palette.html", values)


def _of_link(request: Request, visitor: Visitor) -> Iterator[Found]:
    """The pages of the link that the reader looks at."""
    found = _LINK.match(urlsplit(request.headers.get("hx-current-url", "")).path)
    if found is None:
        return
    yield Found(found[0], "chart-column", _("Figures"))
    yield Found(f"{found[0]}/clicks", "list-filter", _("Clicks"))
    yield Found(f"{found[0]}/qr", "qr-code", _("QR code"))
    if visitor.may_write:
        yield Found(f"{found[0]}/edit", "pencil", _("Edit"))


def _places(visitor: Visitor) -> Iterator[Found]:
    if visitor.may_create:
        yield Found("/-/new", "plus", _("New link"))
        yield Found("/-/import", "copy-plus", _("Many at once"))
    yield Found("/-/", "house", _("Start"))
    yield Found("/-/links", "link", _("Links"))
    yield Found("/-/tags", "tag", _("Tags"))
    if visitor.email:
        yield Found("/-/domains", "link", _("Domains"))
        yield Found("/-/workspaces", "users", _("Workspaces"))
        yield Found("/-/keys", "key-round", _("API keys"))
        yield Found("/-/account", "user", _("Account"))
    if visitor.space is not None:
        yield Found(f"/-/workspaces/{visitor.space.id}", "users", _("Members"), visitor.space.name)
    yield Found("/-/preferences", "monitor", _("Preferences"))
    yield Found("/-/help", "keyboard", _("Keys and help"))
    yield Found("/-/links?q=is:deleted", "trash-2", _("Deleted links"))
