"""Figures as pages show them: points of a chart, panels with bars, the week."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shortener.clicks.bounds import OTHER
from shortener.dashboard.charts import Point
from shortener.dashboard.spans import Days
from shortener.dashboard.wording import _, ngettext, spoken
from shortener.figures.spans import Interval
from shortener.figures.stats import Bucket, Figures, ValueCount

# Those that have no values are left out, but for the first five.
PANELS = (
    "referrers", "countries", "browsers", "systems", "devices", "cities", "languages", "variants", "rules",
    "utm_sources", "utm_mediums", "utm_campaigns", "sources",
)  # fmt: skip
# The API's names of the filters of single clicks by a panel's values.
FILTERS = {
    "referrers": "referrer", "countries": "country", "browsers": "browser", "systems": "system", "devices": "device",
    "cities": "city", "languages": "language", "variants": "variant", "rules": "rule", "utm_sources": "utm_source",
    "utm_mediums": "utm_medium", "utm_campaigns": "utm_campaign", "sources": "source",
}  # fmt: skip
_ALWAYS = 5
_MOMENT = timedelta(microseconds=1)
# Characters of a line's title that each part of the chart repeats.
_TITLE = 40
_DAYS_BY_NAME = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Bar(NamedTuple):
    """`share` is of the largest, in percent. `filter` is the parameter that finds its single clicks, and `line` the one
    that adds its line to the chart."""

    label: str
    clicks: int
    share: float
    part: str
    before: int | None
    filter: dict[str, str] | None
    line: str | None


class Line(NamedTuple):
    """One more line in a chart. `without` are the parameters of the page without it. `filter` is the parameter that
    finds the single clicks of a value."""

    title: str
    values: list[int]
    without: dict[str, Any]
    filter: dict[str, str] | None = None

    @property
    def clicks(self) -> int:
        return sum(self.values)


class Panel(NamedTuple):
    name: str
    title: str
    bars: list[Bar]


def points_of(
    buckets: Sequence[Bucket], before: Sequence[Bucket], lines: Sequence[Line], interval: Interval, span: Days
) -> list[Point]:
    """`span` are the days of which the buckets are."""
    found = []
    for n, bucket in enumerate(buckets):
        earlier = before[n].clicks if n < len(before) else None
        label = f"{bucket_label(bucket.start, interval)}: " + ngettext("%(n)s click", "%(n)s clicks", bucket.clicks)
        if earlier is not None:
            label += ", " + _("before: %(n)s", n=spoken().number(earlier))
        for line in lines:
            label += f", {line.title[:_TITLE]}: {spoken().number(line.values[n])}"
        ends = (buckets[n + 1].start - _MOMENT).date() if n + 1 < len(buckets) else span.last
        days = Days(max(bucket.start.date(), span.first), max(bucket.start.date(), ends))
        found.append(Point(bucket.clicks, earlier, label, _tick(bucket.start, interval), days))
    return found


def bucket_label(start: datetime, interval: Interval) -> str:
    if interval is Interval.HOUR:
        return f"{spoken().pattern(start, 'MMMEd')}, {spoken().pattern(start, 'Hm')}"
    return spoken().pattern(start, "yMMMM" if interval is Interval.MONTH else "yMMMEd")


def _tick(start: datetime, interval: Interval) -> str:
    return spoken().pattern(start, {Interval.HOUR: "Hm", Interval.MONTH: "yMMM"}.get(interval, "MMMd"))


def panels_of(found: Figures, before: Figures | None) -> Iterator[Panel]:
    for place, name in enumerate(PANELS):
        counts = found.breakdowns[name]
        # Clicks that all come by the link, or from where nobody knows, say nothing.
        says_something = len(counts) > 1 or (name != "sources" and any(each.value for each in counts))
        if place < _ALWAYS or says_something:
            earlier = {each.value: each.clicks for each in before.breakdowns[name]} if before else None
            yield Panel(name, panel_title(name), bars_of(name, counts, earlier, sum(each.clicks for each in counts)))


def bars_of(
    name: str,
    counts: Sequence[ValueCount],
    earlier: Mapping[str, int] | None,
    total: int | None,
    largest: int | None = None,
) -> list[Bar]:
    """Shares are of the total, if it is known; bars are as long as they are beside the largest."""
    most = largest or max((each.clicks for each in counts), default=0) or 1
    return [
        Bar(
            value_label(name, each.value),
            each.clicks,
            round(100 * each.clicks / most, 1),
            spoken().percent(each.clicks / total) if total else "",
            None if earlier is None else earlier.get(each.value, 0),
            None if each.value == OTHER or name not in FILTERS else {FILTERS[name]: each.value},
            None if each.value == OTHER else f"{name}:{each.value}",
        )
        for each in counts
    ]


def panel_title(name: str) -> str:
    return {
        "referrers": _("Referrers"),
        "countries": _("Countries"),
        "cities": _("Cities"),
        "browsers": _("Browsers"),
        "systems": _("Systems"),
        "devices": _("Devices"),
        "languages": _("Languages"),
        "rules": _("Rules"),
        "variants": _("Variants"),
        "utm_sources": _("UTM sources"),
        "utm_mediums": _("UTM mediums"),
        "utm_campaigns": _("UTM campaigns"),
        "sources": _("Links and QR codes"),
        "hours_of_week": _("Time of the week"),
    }[name]


def value_label(name: str, value: str) -> str:
    if value == "":
        return _("None: direct, apps, mail") if name == "referrers" else _("Unknown")
    if value == OTHER:
        return _("Others")
    if name == "countries":
        return spoken().country(value)
    if name == "languages":
        return spoken().language_name(value)
    named = {
        "mobile": _("Phone"),
        "tablet": _("Tablet"),
        "desktop": _("Computer"),
        "link": _("Link"),
        "qr": _("QR code"),
    }
    return named.get(value.lower(), value) if name in ("devices", "sources") else value


def week_of(counts: Sequence[ValueCount]) -> dict[str, Any] | None:
    """Clicks by weekday and hour, each with a shade from 0 to 6."""
    if not counts:
        return None
    clicks = {each.value: each.clicks for each in counts}
    most = max(clicks.values())
    rows = []
    for number, day in enumerate(_DAYS_BY_NAME):
        hours = [clicks.get(f"{day} {hour:02}", 0) for hour in range(24)]
        rows.append((spoken().weekday(number), [(n, -(-6 * n // most) if n else 0) for n in hours]))
    return {"rows": rows}
