"""Which figures a page shows: a span, what it is compared with, and whether bots count."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from fastapi import Request

from shortener.dashboard.page import speak_to
from shortener.dashboard.panels import PANELS
from shortener.dashboard.spans import DEFAULT, KEYS, Days, days_of
from shortener.dashboard.wording import _
from shortener.figures.asked import Asked, InvalidSpan
from shortener.figures.dimensions import DimensionName
from shortener.figures.schemas import read_span
from shortener.figures.spans import whole_quarters

PREVIOUS, YEAR = "1", "year"
_DAY = timedelta(days=1)
# Links that can be compared with one.
MOST_LINKS = 4
_MAX_VALUE = 1024


class AskedFigures(NamedTuple):
    """`span` is its name, or empty. `kept` are the parameters of the page's links. `earlier` is the span to compare
    with. `value` has a line of its own, and so have `others`, which name links."""

    days: Days
    span: str
    asked: Asked
    compare: str
    bots: bool
    kept: dict[str, Any]
    earlier: Asked | None
    is_running: bool
    value: tuple[DimensionName, str] | None
    others: list[str]

    @property
    def of_clicks(self) -> dict[str, str]:
        """The parameters by which the page of single clicks shows those of the span."""
        span = {"from": self.days.first.isoformat(), "to": self.days.last.isoformat()}
        return span if self.bots else span | {"bot": "false"}

    def in_quarters(self) -> "AskedFigures":
        """Figures of groups are counted by quarters of an hour."""
        return self._replace(asked=_widened(self.asked), earlier=self.earlier and _widened(self.earlier))


def read_asked(request: Request, made: datetime) -> AskedFigures:
    """The figures that the address asks for. `made` is the moment from which there can be some. Raises InvalidSpan."""
    zone, now = speak_to(request).zone, datetime.now(UTC)
    parameters = request.query_params
    today = now.astimezone(zone).date()
    chosen = _chosen_days(request)
    name = parameters.get("span", DEFAULT)
    days = chosen or days_of(name, today, made.astimezone(zone).date())
    span = "" if chosen else name if name in KEYS else DEFAULT
    compare = {"year": YEAR, "": ""}.get(parameters.get("compare", ""), PREVIOUS)
    bots = bool(parameters.get("bots"))
    asked = _asked(days, zone, now, bots=bots)
    earlier = None
    if compare == PREVIOUS:
        earlier = asked.before()
    elif compare == YEAR:
        earlier = _asked(Days(_year_before(days.first), _year_before(days.last)), zone, now, bots=bots)
    value, others = _value(parameters.get("value", "")), list(dict.fromkeys(parameters.getlist("with")))[:MOST_LINKS]
    kept: dict[str, Any] = {"compare": compare, "bots": bots and 1}
    kept |= {"value": value and ":".join(value), "with": [name[:300] for name in others if name] or None}
    kept |= {"from": days.first.isoformat(), "to": days.last.isoformat()} if chosen else {"span": _unless_default(span)}
    return AskedFigures(days, span, asked, compare, bots, kept, earlier, days.last >= today, value, kept["with"] or [])


def _value(text: str) -> tuple[DimensionName, str] | None:
    """The value of a dimension, written `countries:DE`."""
    name, colon, value = text.partition(":")
    if not colon or name not in PANELS or len(value) > _MAX_VALUE or "\x00" in value:
        return None
    return DimensionName(name), value


def _unless_default(span: str) -> str | None:
    return None if span == DEFAULT else span


def _chosen_days(request: Request) -> Days | None:
    try:
        first, last = (date.fromisoformat(request.query_params[name]) for name in ("from", "to"))
    except (KeyError, ValueError):
        return None
    return Days(min(first, last), max(first, last))


def _asked(days: Days, zone: Any, now: datetime, *, bots: bool) -> Asked:
    """Raises InvalidSpan."""
    if not (days.first.year >= 1970 and days.last.year < 3000):
        raise InvalidSpan("The span is too long.")
    start, end = read_span(days.first, days.last, days.interval, zone, now)
    return Asked(start, end, days.interval, zone, bots, now)


def _year_before(day: date) -> date:
    """The same day a year ago; 28 February for the 29th."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def _widened(asked: Asked) -> Asked:
    start, end = whole_quarters(asked.start, asked.end)
    return asked._replace(start=start, end=end)


def span_title(name: str) -> str:
    return {
        "today": _("Today"),
        "yesterday": _("Yesterday"),
        "7d": _("7 days"),
        "30d": _("30 days"),
        "90d": _("90 days"),
        "month": _("This month"),
        "last-month": _("Last month"),
        "year": _("This year"),
        "12m": _("12 months"),
        "all": _("All time"),
    }[name]
