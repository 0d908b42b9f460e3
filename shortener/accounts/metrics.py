"""Metrics of logins."""

from shortener.observability.metrics import counter

LOGINS_REFUSED = counter("logins_refused", "Logins that failed, by reason.", "reason")
