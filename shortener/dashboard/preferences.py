"""How a reader wants pages to be. A user's preferences are kept with the account. The cookies are for readers who are
not logged in, and give the doors the right colours and language from the start."""

from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from shortener.accounts.preferences import PreferencesOut
from shortener.dashboard.wording import LANGUAGES, _
from shortener.http.moments import time_zones

YEAR_S = 365 * 24 * 3600
UTC_ZONE = ZoneInfo("UTC")
# The values of each, of which the first is the default.
CHOICES: Final = {
    "theme": ("system", "light", "dark"),
    "density": ("comfortable", "compact"),
    "rows": ("50", "20", "100"),
    "keys": ("on", "off"),
    "copy": ("on", "off"),
    "language": ("browser", *LANGUAGES),
}
# Key of the user's preferences in the scope of a request.
_KEPT = "shortener.preferences"


class Preferences(NamedTuple):
    theme: str
    density: str
    rows: int
    keys: bool
    copies: bool
    language: str | None
    zone: ZoneInfo


def keep_preferences(request: Request, preferences: PreferencesOut) -> None:
    """Use the user's own from now on."""
    request.scope[_KEPT] = preferences


def chosen_preferences(request: Request) -> dict[str, str]:
    """The value of each choice."""
    kept: PreferencesOut | None = request.scope.get(_KEPT)
    if kept is None:
        return {name: _choice(request.cookies.get(name), values) for name, values in CHOICES.items()}
    return {
        "theme": kept.theme,
        "density": kept.density,
        "rows": str(kept.rows),
        "keys": "on" if kept.single_keys else "off",
        "copy": "on" if kept.copy_new_links else "off",
        "language": kept.language or "browser",
    }


def chosen_zone(request: Request) -> str:
    """The time zone that the user has chosen; empty for the browser's."""
    kept: PreferencesOut | None = request.scope.get(_KEPT)
    return "" if kept is None else kept.time_zone or ""


def read_preferences(request: Request) -> Preferences:
    chosen = chosen_preferences(request)
    return Preferences(
        theme=chosen["theme"],
        density=chosen["density"],
        rows=int(chosen["rows"]),
        keys=chosen["keys"] == "on",
        copies=chosen["copy"] == "on",
        language=None if chosen["language"] == "browser" else chosen["language"],
        zone=_zone(chosen_zone(request) or request.cookies.get("zone", "")),
    )


def fields_of(chosen: dict[str, str], zone: str) -> dict[str, Any]:
    """The choices as the API takes them."""
    language = chosen["language"]
    return {
        "theme": chosen["theme"],
        "density": chosen["density"],
        "rows": int(chosen["rows"]),
        "single_keys": chosen["keys"] == "on",
        "copy_new_links": chosen["copy"] == "on",
        "language": None if language == "browser" else language,
        "time_zone": zone or None,
    }


def labels() -> dict[str, tuple[str, dict[str, str]]]:
    """The title of each choice, and those of its values."""
    switch = {"on": _("On"), "off": _("Off")}
    return {
        "theme": (_("Colours"), {"system": _("As the system"), "light": _("Light"), "dark": _("Dark")}),
        "language": (_("Language"), {"browser": _("As the browser"), **LANGUAGES}),
        "density": (_("Rows"), {"comfortable": _("Comfortable"), "compact": _("Compact")}),
        "rows": (_("Links a page"), {name: name for name in sorted(CHOICES["rows"], key=int)}),
        "keys": (_("Keys for single actions"), switch),
        "copy": (_("Copy new links by itself"), switch),
    }


def _choice(value: str | None, values: tuple[str, ...]) -> str:
    return value if value in values else values[0]


def _zone(name: str) -> ZoneInfo:
    name = name.replace("%2F", "/")
    return ZoneInfo(name) if name in time_zones() else UTC_ZONE


def set_preference(response: Response, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=YEAR_S, path="/-/", samesite="lax")
