"""Notifications: the list behind the bell, and what one wants to hear of."""

from typing import Any

from fastapi import APIRouter, Request, Response

from shortener.access.routes import LoggedIn
from shortener.dashboard.forms import read_form, validated
from shortener.dashboard.page import redirect, render
from shortener.dashboard.reader import VisitorDep
from shortener.dashboard.routes import PersonRoute
from shortener.dashboard.toasts import set_toast
from shortener.dashboard.wording import _, ngettext
from shortener.http.pagination import PageCursor
from shortener.notifications import service
from shortener.notifications.kinds import NotificationKind as Kind
from shortener.notifications.schemas import NotificationOut, NotificationsUpdate, NotifiedLink, Wanted
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/-/notifications", route_class=PersonRoute, include_in_schema=False)

_HERE = "/-/notifications"
_LIMIT = 20
_ICONS = {
    Kind.FIRST_CLICK: "chart-column",
    Kind.CLICKS: "chart-column",
    Kind.EXPIRING: "clock",
    Kind.EXPIRED: "clock",
    Kind.USED_UP: "circle-pause",
    Kind.REPORTED: "triangle-alert",
    Kind.BANNED: "ban",
    Kind.MENTIONED: "message-square",
    Kind.INVITED: "users",
}


@router.head("")
@router.get("")
async def notifications_page(
    request: Request,
    session: Writer,
    principal: LoggedIn,
    visitor: VisitorDep,
    cursor: PageCursor = None,
    unread: bool = False,
) -> Response:
    page = await service.list_notifications(session, principal.user_id, unread, _LIMIT, cursor)
    found = [service.notification_out(*row[:3]) for row in page.rows]
    values = {
        "visitor": visitor,
        "rows": [(each, _ICONS[each.kind], _text(each), _path(each)) for each in found],
        "is_unread": unread,
        "asked": {"unread": unread and "1"},
        "next": page.next_cursor,
        "previous": page.previous_cursor,
        "wanted": (await service.wanted(session, principal.user_id)).model_dump(),
        "titles": _titles(),
    }
    return render(request, "notifications.html", values)


@router.post("/read")
async def read(request: Request, session: Writer, principal: LoggedIn) -> Response:
    """Mark those that the form names as read, or all."""
    form = await read_form(request)
    fields: dict[str, Any] = {"read": True} | ({"ids": form.getlist("id")} if "id" in form else {})
    asked = validated(NotificationsUpdate, fields)
    await service.mark(session, principal.user_id, asked.ids, asked.read)
    return redirect(_HERE)


@router.post("/settings")
async def choose(request: Request, session: Writer, principal: LoggedIn) -> Response:
    """A kind that is not ticked is not sent."""
    form = await read_form(request)
    await service.want(session, principal.user_id, {kind: kind in form for kind in Wanted.model_fields})
    return set_toast(redirect(_HERE), "preferences")


def _path(told: NotificationOut) -> str | None:
    """The page that it is about."""
    if told.kind is Kind.INVITED:
        return "/-/workspaces"
    if told.link is None:
        return None
    return f"/-/links/{_name_of(told.link)}{'/comments' if told.kind is Kind.MENTIONED else ''}"


def _name_of(link: NotifiedLink) -> str:
    return link.code if link.domain is None else link.id


def _text(told: NotificationOut) -> str:
    by = told.by or _("Somebody")
    if told.kind is Kind.CLICKS:
        return ngettext("%(n)s click", "%(n)s clicks", told.clicks or 0)
    return {
        Kind.FIRST_CLICK: _("The first click"),
        Kind.EXPIRING: _("It expires within three days"),
        Kind.EXPIRED: _("It has expired"),
        Kind.USED_UP: _("All its clicks are used up"),
        Kind.REPORTED: _("Somebody has reported it"),
        Kind.BANNED: _("An administrator has taken it down"),
        Kind.MENTIONED: _("%(name)s mentions you in a comment", name=by),
        Kind.INVITED: _("%(name)s invites you into a workspace, and has the link with which you join", name=by),
    }[told.kind]


def _titles() -> dict[str, str]:
    return {
        Kind.FIRST_CLICK: _("A link's first click"),
        Kind.CLICKS: _("100, 1,000, 10,000 … clicks of a link"),
        Kind.EXPIRING: _("A link expires in three days"),
        Kind.EXPIRED: _("A link has expired"),
        Kind.USED_UP: _("A link's clicks are used up"),
        Kind.REPORTED: _("A link was reported"),
        Kind.BANNED: _("A link was taken down"),
        Kind.MENTIONED: _("Somebody mentions me"),
        Kind.INVITED: _("Somebody invites me"),
    }
