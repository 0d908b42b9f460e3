"""The tree of errors, each with its HTTP status and stable problem type.

    ShortenerError
    ├── BadRequest           400
    ├── Unauthorized         401
    ├── Forbidden            403
    ├── NotFound             404
    ├── MethodNotAllowed     405
    ├── HeadTooSlow          408, which is the protocol's
    ├── Conflict             409
    ├── Gone                 410
    ├── ContentTooLarge      413
    ├── MisdirectedRequest   421, raised by the host check
    ├── Unprocessable        422
    ├── TooManyRequests      429
    ├── HeadTooLarge         431, which is the protocol's
    ├── BadGateway           502
    └── ServiceUnavailable   503

The specific errors live beside the code that raises them. `shortener.http.problems`
answers them.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import structlog

log = structlog.get_logger(__name__)


class ShortenerError(Exception):
    """An error that the client is told about: `detail` is for people, `type` for programs."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self, detail: str, *, headers: Mapping[str, str] | None = None, errors: Sequence[Mapping[str, str]] = ()
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = list(errors)


class BadRequest(ShortenerError):
    status, type, title = 400, "bad-request", "Bad request"


class Unauthorized(ShortenerError):
    status, type, title = 401, "unauthorized", "Unauthorized"


class Forbidden(ShortenerError):
    status, type, title = 403, "forbidden", "Forbidden"


class NotFound(ShortenerError):
    status, type, title = 404, "not-found", "Not found"


class MethodNotAllowed(ShortenerError):
    status, type, title = 405, "method-not-allowed", "Method Not Allowed"


class Conflict(ShortenerError):
    status, type, title = 409, "conflict", "Conflict"


class Gone(ShortenerError):
    status, type, title = 410, "gone", "Gone"


class ContentTooLarge(ShortenerError):
    status, type, title = 413, "content-too-large", "Content too large"


class Unprocessable(ShortenerError):
    status, type, title = 422, "invalid-request", "Invalid request"


class InvalidField(Unprocessable):
    """A member of the body cannot be what it is. `reason` is a sentence without its capital and its stop."""

    def __init__(self, field: str, reason: str) -> None:
        error = {"in": "body", "field": field, "message": reason}
        super().__init__(f"{reason[0].upper()}{reason[1:]}.", errors=[error])


class TooManyRequests(ShortenerError):
    status, type, title = 429, "too-many-requests", "Too many requests"


class BadGateway(ShortenerError):
    status, type, title = 502, "bad-gateway", "Bad gateway"


class ServiceUnavailable(ShortenerError):
    status, type, title = 503, "service-unavailable", "Service unavailable"
