"""Metrics of refused destinations and clients, and of feeds."""

from shortener.observability.metrics import counter, gauge

DESTINATIONS_REFUSED = counter("destinations_refused", "URLs that were refused, by reason.", "reason")
CLIENTS_REFUSED = counter("clients_refused", "Requests of banned clients.")
FEED_CHECKS = counter("feed_checks", "Destinations that feeds were asked about.", "feed", "verdict")
BLOCK_LIST_LINES = gauge("block_list_lines", "Lines of the block list: hosts, and bad ones.", "kind", mode="livemax")
