"""The audit log: who did what to what."""

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from shortener.audit.export import audit_file
from shortener.audit.listing import AuditFilter, list_entries
from shortener.audit.trail import Action
from shortener.dashboard.page import render, speak_to
from shortener.dashboard.reader import VisitorDep
from shortener.dashboard.routes import AdminRoute
from shortener.http.moments import local_midnight
from shortener.parts import parts_of
from shortener.stores.parts import DATABASE
from shortener.stores.sessions import Reader

router = APIRouter(prefix="/-/admin/audit", route_class=AdminRoute, include_in_schema=False)

_ROWS = 50

Subject = Annotated[str, Query(max_length=200, pattern=r"^[!-~]*$")]
# Forms send empty fields, too.
Day = Annotated[str, Query(max_length=10, pattern=r"^(\d{4}-\d\d-\d\d)?$")]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _filter(request: Request, asked: dict[str, str]) -> AuditFilter:
    zone = speak_to(request).zone

    def moment(text: str, days: int) -> datetime | None:
        day = _day(text)
        return None if day is None or day.year > 9000 else local_midnight(day + timedelta(days=days), zone)

    actor, action, target = (asked[name] or None for name in ("actor", "action", "target"))
    return AuditFilter(actor, action, target, moment(asked["from"], 0), moment(asked["to"], 1))


def _asked(request: Request) -> dict[str, str]:
    return {name: request.query_params.get(name, "").strip() for name in ("actor", "action", "target", "from", "to")}


@router.head("")
@router.get("")
async def audit_page(
    request: Request,
    session: Reader,
    _visitor: VisitorDep,
    actor: Subject = "",
    action: Annotated[str, Query(max_length=40, pattern=r"^[a-z.]*$")] = "",
    target: Subject = "",
    since: Annotated[Day, Query(alias="from")] = "",
    until: Annotated[Day, Query(alias="to")] = "",
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    del actor, action, target, since, until
    asked = _asked(request)
    page = await list_entries(session, _filter(request, asked), _ROWS, cursor or None)
    values = {
        "entries": [row[0] for row in page.rows],
        "next": page.next_cursor,
        "previous": page.previous_cursor,
        "asked": asked,
        "actions": {each: each for each in ("", *sorted(Action))},
        "is_filtered": any(asked.values()),
    }
    return render(request, "admin_audit.html", values)


@router.head(".csv")
@router.get(".csv")
async def audit_log_file(
    request: Request,
    actor: Subject = "",
    action: Annotated[str, Query(max_length=40, pattern=r"^[a-z.]*$")] = "",
    target: Subject = "",
    since: Annotated[Day, Query(alias="from")] = "",
    until: Annotated[Day, Query(alias="to")] = "",
) -> Response:
    del actor, action, target, since, until
    return await audit_file(parts_of(request)[DATABASE], _filter(request, _asked(request)))
