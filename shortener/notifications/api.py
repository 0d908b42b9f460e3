"""/api/v1/me/notifications"""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from shortener.access.routes import ApiRoute, Known, needs_known
from shortener.access.scopes import Scope
from shortener.http.openapi import Tag, errors
from shortener.http.pagination import InvalidCursor, Limit, PageCursor, path_at
from shortener.notifications import service
from shortener.notifications.schemas import (
    NotificationPage,
    NotificationsUpdate,
    UnreadOut,
    Wanted,
    WantedUpdate,
)
from shortener.stores.sessions import Writer

TAG = Tag("notifications", "News for you, and the kinds that you want to hear of.")

router = APIRouter(prefix="/api/v1/me/notifications", tags=[TAG], route_class=ApiRoute)


@router.get("", responses=errors(InvalidCursor), dependencies=[needs_known(Scope.LINKS_READ)])
async def get_notifications(
    request: Request,
    principal: Known,
    session: Writer,
    unread: Annotated[bool, Query(description="Only those that are unread.")] = False,
    limit: Limit = 20,
    cursor: PageCursor = None,
) -> NotificationPage:
    """Your notifications, newest first. They are kept for `SHORTENER_NOTIFICATION_DAYS`."""
    page = await service.list_notifications(session, principal.user_id, unread, limit, cursor)
    return NotificationPage(
        items=[service.notification_out(*row[:3]) for row in page.rows],
        unread=await service.count_unread(session, principal.user_id),
        next=path_at(request, page.next_cursor),
        previous=path_at(request, page.previous_cursor),
    )


@router.patch("", dependencies=[needs_known(Scope.LINKS_WRITE)])
async def mark_notifications(body: NotificationsUpdate, principal: Known, session: Writer) -> UnreadOut:
    """Mark notifications as read or unread, all or some."""
    return UnreadOut(unread=await service.mark(session, principal.user_id, body.ids, body.read))


@router.get("/settings", dependencies=[needs_known(Scope.LINKS_READ)])
async def get_notification_settings(principal: Known, session: Writer) -> Wanted:
    """What you want to hear of. Default: everything."""
    return await service.wanted(session, principal.user_id)


@router.patch("/settings", dependencies=[needs_known(Scope.LINKS_WRITE)])
async def change_notification_settings(body: WantedUpdate, principal: Known, session: Writer) -> Wanted:
    """Change what you want to hear of from now on."""
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    return await service.want(session, principal.user_id, changes)
