"""Metrics of the dashboard."""

from shortener.observability.metrics import counter

DASHBOARD_REFUSALS = counter("dashboard_refusals", "Requests for pages that were refused.", "type")
