"""Metrics of the geo database."""

from shortener.observability.metrics import counter, gauge

GEO_DATABASE_BUILT_SECONDS = gauge(
    "geo_database_built_seconds", "Unix time at which the geo database in use was built.", "file", mode="livemin"
)
GEO_DATABASE_FAILURES = counter("geo_database_failures", "Geo databases that could not be used.")
