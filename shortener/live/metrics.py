"""Metrics of listeners."""

from shortener.observability.metrics import counter, gauge

LIVE_LISTENERS = gauge("live_listeners", "Listeners that are connected.", mode="livesum")
LIVE_CLOSED = counter("live_closed", "Listeners that the service closed.", "reason")
LIVE_MESSAGES = counter("live_messages", "Messages put into the buffers of listeners.")
LIVE_ROUNDS_DROPPED = counter("live_rounds_dropped", "Rounds of clicks that no listener heard of in single messages.")
