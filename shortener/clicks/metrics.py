"""Metrics of clicks."""

from shortener.observability.metrics import LATENCIES_S, counter, gauge, histogram

_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
REDIRECT_SECONDS = histogram(
    "redirect_seconds", "From a batch's first click to its answers: the slowest of each batch.", buckets=LATENCIES_S
)

CLICK_BATCH_SIZE = histogram("click_batch_size", "Clicks in a batch that is sent to the stream.", buckets=_SIZES)
CLICKS_DIRECT = counter("clicks_direct", "Clicks that a web process wrote to the database itself.")
CLICKS_DEFERRED = counter("clicks_deferred", "Clicks answered before they were stored.", "reason")
CLICKS_BUFFERED = gauge("clicks_buffered", "Clicks answered and not yet stored.", mode="livesum")
CLICKS_LOST = counter("clicks_lost", "Clicks that will never be counted.", "reason")

CLICKS_WRITTEN = counter("clicks_written", "Clicks committed to the database.")
CLICK_BATCHES_REPEATED = counter("click_batches_repeated", "Batches that were delivered again and skipped.")
CLICK_BATCHES_VANISHED = counter("click_batches_vanished", "Batches deleted from Redis before they were written.")
CLICK_STEPS_FAILED = counter("click_steps_failed", "Clicks stored without what a step should have added.", "step")
