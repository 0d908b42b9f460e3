"""Logging: one form for structlog's records and the standard library's."""

import logging
import re
import sys

import structlog

from shortener.settings import Settings
from shortener.text import log_line

# Keys and tokens get into a path only by mistake, but then they would be in the access log.
_SECRET = re.compile(r"shr[ri]?_[A-Za-z0-9_]{40,}|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


def _hide_secrets(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {name: _SECRET.sub("…", value) if isinstance(value, str) else value for name, value in event.items()}


def _set_off_traceback(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Error texts may contain client input, which must not pass for a log line."""
    if "exception" in event:
        event["exception"] = "\n".join(f"  | {log_line(line)}" for line in event["exception"].splitlines())
    return event


def configure_logging(settings: Settings, at_least: int = logging.NOTSET) -> None:
    """Send structlog's and the standard library's records to standard error in one form."""
    level = max(getattr(logging, settings.log_level.upper()), at_least)
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # structlog's own tracebacks would show the values of variables, such as passwords. Values are written as literals,
    # so that line breaks stay escaped.
    plain = structlog.dev.ConsoleRenderer(repr_native_str=True, exception_formatter=structlog.dev.plain_traceback)
    render: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        _hide_secrets,
        *([_set_off_traceback, plain] if console else [structlog.processors.JSONRenderer()]),
    ]
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
    # At INFO these loggers write noise (each tick of arq, each request to a provider), or personal data (a job's
    # arguments, URLs sent to feeds).
    for name in ("arq", "alembic", "httpcore", "httpx", "uvicorn"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
