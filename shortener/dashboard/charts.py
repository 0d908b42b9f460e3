"""Charts as SVG, made of numbers: no styles, no scripts. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from markupsafe import Markup

# In the units of the picture, which a page stretches to its own width and height.
WIDTH, HEIGHT = 1000, 200
_LINES = 4
_SPARK_WIDTH, _SPARK_HEIGHT = 96, 24

Place = tuple[float, float]


class Point(NamedTuple):
    """`label` says what the point is: its time and its values. `days` are the first and the last day of its time."""

    value: int
    before: int | None
    label: str
    tick: str
    days: tuple[date, date]


class Slot(NamedTuple):
    """Where a point's part of the chart begins, its width, and where its value lies."""

    x: float
    width: float
    y: float
    point: Point


class Series(NamedTuple):
    """The parts of a chart that a template draws: paths, the values of the horizontal lines from the top, the parts of
    the points, and some of their times, which lie at equal distances."""

    line: str
    area: str
    running: str
    before: str
    others: list[str]
    grid: list[int]
    slots: list[Slot]
    ticks: list[str]


def sparkline(values: Sequence[int]) -> Markup:
    """A small line without axes, which begins at zero."""
    top = max(values, default=0) or 1
    step = _SPARK_WIDTH / max(len(values) - 1, 1)
    places = [(n * step, _SPARK_HEIGHT - 2 - value / top * (_SPARK_HEIGHT - 4)) for n, value in enumerate(values)]
    line = _path(places)
    return Markup(
        '<svg class="spark" viewBox="0 0 {w} {h}" width="{w}" height="{h}" preserveAspectRatio="none" '
        'aria-hidden="true"><path class="area" d="{line}V{h}H0Z"/><path class="line" d="{line}"/></svg>'
    ).format(w=_SPARK_WIDTH, h=_SPARK_HEIGHT, line=line)


def nice_top(value: int) -> int:
    """The end of an axis that has four equal whole steps and holds this value."""
    step = max(1, -(-value // _LINES))
    size = 10 ** (len(str(step)) - 1)
    return int(
        _LINES * next(part for n in (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10) if (part := size * n) >= step and not part % 1)
    )


def series(
    points: Sequence[Point], others: Sequence[Sequence[int]] = (), max_ticks: int = 7, *, is_running: bool = False
) -> Series:
    """`others` are more lines, with a value for each point. `is_running`: the last point's time is not over."""
    top = nice_top(max((max(point.value, point.before or 0) for point in points), default=0))
    top = max(top, nice_top(max((value for values in others for value in values), default=0)))
    slot = WIDTH / max(len(points), 1)
    places = [(slot * (n + 0.5), _y(point.value, top)) for n, point in enumerate(points)]
    before = [(slot * (n + 0.5), _y(point.before, top)) for n, point in enumerate(points) if point.before is not None]
    has_running = is_running and len(places) > 1
    return Series(
        line=_path(places[:-1] if has_running else places),
        area=_area(places),
        running=_path(places[-2:]) if has_running else "",
        before=_path(before),
        others=[_path([(slot * (n + 0.5), _y(value, top)) for n, value in enumerate(values)]) for values in others],
        grid=[top * n // _LINES for n in range(_LINES, -1, -1)],
        slots=[Slot(round(slot * n, 2), round(slot, 2), places[n][1], point) for n, point in enumerate(points)],
        ticks=_ticks(points, max_ticks),
    )


def _ticks(points: Sequence[Point], most: int) -> list[str]:
    if len(points) <= most:
        return [point.tick for point in points]
    return [points[round(n * (len(points) - 1) / (most - 1))].tick for n in range(most)]


def _y(value: int, top: int) -> float:
    return round(HEIGHT - value / top * HEIGHT, 1)


def _path(places: Sequence[Place]) -> str:
    return "".join(f"{'L' if n else 'M'}{x:.1f} {y:.1f}" for n, (x, y) in enumerate(places))


def _area(places: Sequence[Place]) -> str:
    return f"{_path(places)}V{HEIGHT}H{places[0][0]:.1f}Z" if places else ""
