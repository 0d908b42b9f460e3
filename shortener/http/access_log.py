"""One line a request: method, path, status, duration. No address and no query string: both may be personal."""

import structlog
from starlette.types import Scope

log = structlog.get_logger(__name__)


def log_request(scope: Scope, status: int, duration_s: float) -> None:
    duration_ms = round(duration_s * 1000, 2)
    log.info("request", method=scope["method"], path=scope["path"], status=status, duration_ms=duration_ms)
