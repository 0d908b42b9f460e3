"""Logging and metrics. Every counter of the product is declared here, by name."""

import logging
import sys

import structlog
from prometheus_client import Counter

from shortener.settings import Settings

CLICKS_DEFERRED = Counter("shortener_clicks_deferred", "Clicks answered before they were stored.", ["reason"])
CLICKS_LOST = Counter("shortener_clicks_lost", "Clicks that will never be counted.", ["reason"])
CLICKS_WRITTEN = Counter("shortener_clicks_written", "Clicks committed to the database.")
CLICK_BATCHES_REPEATED = Counter("shortener_click_batches_repeated", "Batches that were delivered again and skipped.")
CLICK_BATCHES_DEAD = Counter("shortener_click_batches_dead", "Batches moved to the dead letters.", ["reason"])
REDIS_UNAVAILABLE = Counter("shortener_redis_unavailable", "Times that a part went on without Redis.", ["part"])
RESOLVED = Counter("shortener_resolved", "Codes resolved, by the level that answered.", ["level"])


def configure_logging(settings: Settings) -> None:
    """Send structlog's and the standard library's records to standard error in one form."""
    level = getattr(logging, settings.log_level.upper())
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # What these tell at INFO is noise (each tick of arq), or personal (a job's arguments).
    for name in ("arq", "alembic", "uvicorn"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
