"""How the service does: its parts, clicks that wait, and settings that differ from their defaults."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import SecretStr
from redis.exceptions import RedisError

from shortener import __version__
from shortener.clicks.dead_letters import DeadLetters
from shortener.clicks.parts import CLICK_STREAM
from shortener.dashboard.faults import said_fault
from shortener.dashboard.page import redirect, render
from shortener.dashboard.parts import DASHBOARD
from shortener.dashboard.reader import VisitorDep
from shortener.dashboard.routes import AdminRoute
from shortener.dashboard.toasts import set_toast
from shortener.parts import parts_of
from shortener.processes.checks import run_checks
from shortener.processes.heartbeats import heartbeats
from shortener.settings import Settings
from shortener.settings.source import variable
from shortener.stores.parts import DATABASE, REDIS
from shortener.stores.redis import needing_redis
from shortener.stores.revision import head_revision

router = APIRouter(prefix="/-/admin/system", route_class=AdminRoute, include_in_schema=False)

_LETTERS = 20


@router.head("")
@router.get("")
async def system_page(request: Request, _visitor: VisitorDep) -> Response:
    parts = parts_of(request)
    outcomes = await run_checks(parts[DATABASE], parts[REDIS])
    from_redis: dict[str, Any] = {"backlog": None, "letters": [], "workers": {}, "refused": None}
    try:
        from_redis["workers"] = await heartbeats(parts[REDIS])
        from_redis["letters"] = await DeadLetters(parts[REDIS]).oldest(_LETTERS)
        from_redis["refused"] = await parts[DASHBOARD].refusals.of_today()
        from_redis["backlog"] = await parts[CLICK_STREAM].backlog()
    except (RedisError, OSError):
        # The checks say so.
        pass
    values = {
        "checks": {name: (outcome, said_fault(outcome.detail or "")) for name, outcome in outcomes.items()},
        "version": __version__,
        "schema": head_revision(),
        "limits": _limits(parts.settings),
        "different": _different(parts.settings),
        **from_redis,
    }
    return render(request, "admin_system.html", values)


@router.post("/replay")
async def replay(request: Request) -> Response:
    """Count the batches again that could not be counted."""
    with needing_redis():
        replayed = await DeadLetters(parts_of(request)[REDIS]).replay()
    return set_toast(redirect("/-/admin/system"), "many-replayed", str(replayed))


def _limits(settings: Settings) -> dict[str, str]:
    return {variable(name): _shown(value) or "off" for name, value in settings if name.startswith("limit_")}


def _different(settings: Settings) -> dict[str, str]:
    """Settings that differ from their defaults, by their variables. No secret is shown."""
    fields = type(settings).model_fields
    return {
        variable(name): _shown(value) or "–"
        for name, value in settings
        if not name.startswith("limit_") and value != fields[name].get_default(call_default_factory=True)
    }


def _shown(value: Any) -> str:
    text = "" if value is None else str(value)
    # Addresses of stores may have a password in them.
    if isinstance(value, SecretStr) or ("://" in text and "@" in text):
        return "set"
    if isinstance(value, (list, set, frozenset)) or type(value) is tuple:
        return ", ".join(map(str, value))
    return text
