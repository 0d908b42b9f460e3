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
    ├── InternalError        500
    ├── BadGateway           502
    └── ServiceUnavailable   503

A class without a type is only a kind. The specific errors live next to the code that raises them.
`shortener.http.error_handlers` answers them.

The docstring of such an error has two paragraphs: when the error occurs, and what the client can do. `make docs` writes
docs/errors.md from them.

`OperatorError` is not in the tree: clients do not see it.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import ClassVar


class OperatorError(Exception):
    """An error on this machine that the operator can mend; the message says how. The command line prints it in one
    line. An empty message means that the reason has been printed."""


class ShortenerError(Exception):
    """An error that the client sees: `detail` is for people, `type` for programs."""

    status: ClassVar[int]
    type: ClassVar[str]
    title: ClassVar[str]

    def __init__(
        self, detail: str, *, headers: Mapping[str, str] | None = None, errors: Sequence[Mapping[str, str]] = ()
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = list(errors)

    @classmethod
    def explanation(cls) -> tuple[str, str]:
        """When the error occurs, and what the client can do, which may be empty."""
        when, _, remedy = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")
        return " ".join(when.split()), " ".join(remedy.split())


class BadRequest(ShortenerError):
    """The request cannot be read: the body is not JSON, not UTF-8, nested too deeply, or has a number of too many
    digits; or the head is malformed. `detail` says which.

    Send valid JSON over HTTP/1.1.
    """

    status, type, title = 400, "bad-request", "Bad request"


class Unauthorized(ShortenerError):
    status = 401


class Forbidden(ShortenerError):
    status = 403


class NotFound(ShortenerError):
    """The path does not exist.

    See `/docs` for the paths that exist.
    """

    status, type, title = 404, "not-found", "Not found"


class MethodNotAllowed(ShortenerError):
    """The path exists, but not for this method.

    Use a method that the header `Allow` names.
    """

    status, type, title = 405, "method-not-allowed", "Method Not Allowed"


class Conflict(ShortenerError):
    status = 409


class Gone(ShortenerError):
    status = 410


class ContentTooLarge(ShortenerError):
    """The body is over 64 KiB; for `/auth/token`, over 4 KiB; for a logo, over 256 KiB; for `/links/bulk`, over 10 MiB,
    or 64 KiB for one of its links; or it holds too many values (docs/security.md#bounds-of-requests).

    Send less.
    """

    status, type, title = 413, "content-too-large", "Content too large"


class Unprocessable(ShortenerError):
    """Fields are missing or wrong; `errors` names them.

    Correct them.
    """

    status, type, title = 422, "invalid-request", "Invalid request"


class InvalidField(Unprocessable):
    """A member of the body has a wrong value. `reason` is a sentence without capital and full stop."""

    def __init__(self, field: str, reason: str) -> None:
        error = {"in": "body", "field": field, "message": reason}
        super().__init__(f"{reason[0].upper()}{reason[1:]}.", errors=[error])


class InvalidParameter(Unprocessable):
    """A parameter of the query has a wrong value. `reason` is a sentence without capital and full stop."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}", errors=[{"in": "query", "field": name, "message": reason}])


class TooManyRequests(ShortenerError):
    """The client, user or key has used up its rate limit.

    Wait for `Retry-After` seconds.
    """

    status, type, title = 429, "too-many-requests", "Too many requests"


class InternalError(ShortenerError):
    """A defect. The server's log has the reason.

    Report it.
    """

    status, type, title = 500, "internal-error", "Internal error"


class BadGateway(ShortenerError):
    status = 502


class ServiceUnavailable(ShortenerError):
    """The database does not answer, no free code was found, or too many logins or pictures wait.

    Try again after `Retry-After` seconds, if the header is present.
    """

    status, type, title = 503, "service-unavailable", "Service unavailable"
