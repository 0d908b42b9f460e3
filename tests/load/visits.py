"""A browser's measurements of a page: bytes and requests over the wire, time of the paint, shifts, and how quickly keys
and clicks are answered."""

from typing import Any, NamedTuple

# The budgets of the dashboard. Of bytes over the wire, compressed, with heads.
FIRST_BYTES, FIRST_REQUESTS = 60_000, 5
FURTHER_BYTES, FURTHER_REQUESTS = 14_000, 1
MOST_SHIFT = 0.02
# Of the 95th percentile.
ANSWER_MS = 100
# As on a phone: a slow processor, and a network of 1.6 Mbit/s.
SLOWER, LATENCY_MS, BYTES_PER_S = 4, 150, 1_600_000 / 8
# Chromium says nothing of quicker answers.
_LEAST_MS = 16
# Of a list: next, previous, select.
_KEYS = ("j", "j", "x", "k")

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


async def slow_down(page: Any) -> None:
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    network = {"downloadThroughput": BYTES_PER_S, "uploadThroughput": BYTES_PER_S}
    await devtools.send("Network.enable")
    await devtools.send("Network.emulateNetworkConditions", {"offline": False, "latency": LATENCY_MS, **network})


async def late_answer_ms(page: Any, actions: int) -> float:
    """The 95th percentile of that many keys in the list that is open; OBSERVE is among its scripts."""
    for n in range(actions):
        await page.keyboard.press(_KEYS[n % len(_KEYS)])
        await page.wait_for_timeout(20)
    noted = (await visit_of(page)).answers_ms
    return sorted([_LEAST_MS] * (actions - len(noted)) + noted)[round(0.95 * actions) - 1]
