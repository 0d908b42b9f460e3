"""The cookie of a browser's login. Only pages read it. Pure."""

from starlette.requests import Request
from starlette.responses import Response

from shortener.access.sessions import SESSION_LIFETIME
from shortener.access.tokens import BROWSER_PREFIX, MAX_CREDENTIAL

# Where the pages are.
HOME = "/-/"


def _name(is_secure: bool) -> str:
    """Browsers accept the prefix only from this very host, over TLS."""
    return "__Host-shortener" if is_secure else "shortener"


def read_cookie(request: Request, is_secure: bool) -> str | None:
    """The secret of the browser's session."""
    secret = request.cookies.get(_name(is_secure), "")
    return secret if secret.startswith(BROWSER_PREFIX) and len(secret) <= MAX_CREDENTIAL else None


def set_cookie(response: Response, secret: str, is_secure: bool) -> None:
    response.set_cookie(
        _name(is_secure),
        secret,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        path="/" if is_secure else HOME,
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )


def clear_cookie(response: Response, is_secure: bool) -> None:
    response.delete_cookie(
        _name(is_secure), path="/" if is_secure else HOME, secure=is_secure, httponly=True, samesite="lax"
    )
