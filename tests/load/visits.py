"""A browser's measurements of a page: bytes and requests over the wire, time of the paint, shifts, and how quickly keys
and clicks are answered."""

from typing import Any, NamedTuple

# The budgets of the dashboard. Of bytes over the wire, compressed, with heads.
FIRST_BYTES, FIRST_REQUESTS = 60_000, 5
FURTHER_BYTES, FURTHER_REQUESTS = 14_000, 1
MOST_SHIFT = 0.02

# Runs before the page does.
OBSERVE = """
window.measured = { shift: 0, paint: 0, answers: {} };
const watch = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take))
  .observe({ type, buffered: true, durationThreshold: 16 });
watch("layout-shift", (entry) => { if (!entry.hadRecentInput) measured.shift += entry.value; });
watch("largest-contentful-paint", (entry) => { measured.paint = entry.startTime; });
watch("event", (entry) => {
  const { interactionId: id, duration } = entry;
  if (id) measured.answers[id] = Math.max(measured.answers[id] ?? 0, duration);
});
"""
# A cached file has no size.
_SIZES = """() => ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type))
  .map((entry) => entry.transferSize).filter((size) => size > 0)"""


class Visit(NamedTuple):
    """`answers_ms` are those that took 16 ms or more."""

    requests: int
    bytes: int
    shift: float
    paint_ms: float
    answers_ms: list[float]


async def visit_of(page: Any) -> Visit:
    """Of the page that is open; OBSERVE is among its scripts."""
    sizes = await page.evaluate(_SIZES)
    # The browser reports a frame after it has painted it.
    await page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
    seen = await page.evaluate("measured")
    return Visit(len(sizes), sum(sizes), seen["shift"], seen["paint"], list(seen["answers"].values()))
