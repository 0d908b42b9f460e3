"""A bar chart as SVG, readable on light and on dark pages."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

BARS, RIGHT, LETTER = 500, 90, 8
TOP, ROW, BOTTOM = 84, 38, 40

_STYLE = """
text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; fill: #1c2733; }
.page { fill: #ffffff; stroke: #d8dee4; }
.title { font-size: 17px; font-weight: 600; }
.quiet { font-size: 12px; fill: #5b6875; }
.ours { font-weight: 600; }
.grid { stroke: #e4e9ee; }
.peer-bar { fill: #a9b6c3; }
.our-bar { fill: #1f6fd6; }
.spread { stroke: #1c2733; stroke-width: 1.5; fill: none; }
@media (prefers-color-scheme: dark) {
  text { fill: #e3e9ef; }
  .page { fill: #12181e; stroke: #2d3742; }
  .quiet { fill: #9aa8b5; }
  .grid { stroke: #26303a; }
  .peer-bar { fill: #55636f; }
  .our-bar { fill: #4f9bf5; }
  .spread { stroke: #e3e9ef; }
}
"""


class Bar(NamedTuple):
    """A median with the span of what it is the median of."""

    name: str
    value: float
    lowest: float
    highest: float
    is_ours: bool = False


def bars(title: str, note: str, data: Sequence[Bar]) -> str:
    """An SVG document with the longest bar first."""
    ordered = sorted(data, key=lambda bar: -bar.value)
    step = _step(max(bar.highest for bar in ordered))
    top = step * math.ceil(max(bar.highest for bar in ordered) / step)
    left = 40 + LETTER * max(len(bar.name) for bar in ordered)
    width, scale = left + BARS + RIGHT, BARS / top
    height = TOP + ROW * len(ordered) + BOTTOM
    said = "; ".join(f"{bar.name}: {bar.value:,.0f}" for bar in ordered)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(said)}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        f'<text class="title" x="24" y="36">{escape(title)}</text>',
        f'<text class="quiet" x="24" y="58">{escape(note)}</text>',
        *_grid(step, top, left, scale, TOP + ROW * len(ordered)),
    ]
    for n, bar in enumerate(ordered):
        lines += _row(bar, left, TOP + ROW * n, scale)
    return "\n".join([*lines, "</svg>", ""])


def _step(highest: float) -> float:
    """Between lines, so that there are four to eight: 1, 2 or 5 times a power of ten."""
    rough = highest / 5
    power: float = 10 ** math.floor(math.log10(rough))
    return power * min((1, 2, 5, 10), key=lambda factor: abs(math.log(rough / (factor * power))))


def _grid(step: float, top: float, left: float, scale: float, bottom: float) -> Iterator[str]:
    for n in range(round(top / step) + 1):
        x = left + n * step * scale
        yield f'<path class="grid" d="M{x:.1f} {TOP - 8}V{bottom + 4}"/>'
        yield f'<text class="quiet" x="{x:.1f}" y="{bottom + 22}" text-anchor="middle">{n * step:,.0f}</text>'


def _row(bar: Bar, left: float, y: float, scale: float) -> Iterator[str]:
    middle = y + ROW / 2
    low, value, high = (left + number * scale for number in (bar.lowest, bar.value, bar.highest))
    weight = "ours" if bar.is_ours else ""
    yield f'<text class="{weight}" x="{left - 12}" y="{middle + 5}" text-anchor="end">{escape(bar.name)}</text>'
    colour = "our-bar" if bar.is_ours else "peer-bar"
    yield f'<rect class="{colour}" x="{left}" y="{y + 8}" width="{value - left:.1f}" height="{ROW - 16}" rx="3"/>'
    span = f"M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 5}v10M{high:.1f} {middle - 5}v10"
    yield f'<path class="spread" d="{span}"/>'
    yield f'<text class="{weight}" x="{max(value, high) + 10:.1f}" y="{middle + 5}">{bar.value:,.0f}</text>'
