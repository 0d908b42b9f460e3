"""One log line per request: method, path, status, duration. Addresses and query strings are left out: both may be
personal data."""

import structlog
from starlette.types import Scope

log = structlog.get_logger(__name__)


def log_request(scope: Scope, status: int, duration_s: float) -> None:
    duration_ms = round(duration_s * 1000, 2)
    log.info("request", method=scope["method"], path=scope["path"], status=status, duration_ms=duration_ms)
