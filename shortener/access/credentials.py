"""Where in a request the credential is, and how one that is missing, bad or too small is answered."""

import re
from collections.abc import Iterable

from starlette.types import Scope as RequestScope

from shortener.access.principals import Scope
from shortener.access.tokens import MAX_CREDENTIAL
from shortener.errors import Forbidden, Unauthorized

# A query is in logs, histories and Referer headers: whatever is shown there is no secret any more.
_IN_QUERY = re.compile(
    rb"(?:^|&)(?:access_token|refresh_token|api[_-]?key|x-api-key)=|shr[ri]?_[A-Za-z0-9_]{40,}", re.IGNORECASE
)


class AuthenticationRequired(Unauthorized):
    type, title = "authentication-required", "Authentication required"

    def __init__(self) -> None:
        super().__init__(
            "Log in, or show an API key, as Authorization: Bearer or as X-API-Key.",
            headers={"WWW-Authenticate": 'Bearer realm="shortener"'},
        )


class InvalidCredential(Unauthorized):
    type, title = "invalid-credential", "Invalid credential"

    def __init__(self, detail: str = "This token or key is not valid, or no longer.", error: str = "invalid_token"):
        super().__init__(detail, headers={"WWW-Authenticate": f'Bearer realm="shortener", error="{error}"'})


class InsufficientScope(Forbidden):
    type, title = "insufficient-scope", "Insufficient scope"

    def __init__(self, scope: Scope) -> None:
        challenge = f'Bearer realm="shortener", error="insufficient_scope", scope="{scope}"'
        super().__init__(f"This needs the scope {scope}.", headers={"WWW-Authenticate": challenge})


def refuse_in_query(scope: RequestScope) -> None:
    """Raises InvalidCredential when there is a token or key in the URL."""
    if scope["query_string"] and _IN_QUERY.search(scope["query_string"]):
        raise InvalidCredential(
            "A token or key in a URL is refused, and known to others by now: revoke it, and use a header.",
            "invalid_request",
        )


def read_credential(scope: RequestScope) -> str | None:
    """What the request shows; None when nothing. Basic authentication is a proxy's, and nothing to us.
    Raises InvalidCredential."""
    refuse_in_query(scope)
    found: list[bytes] = []
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            found.append(value)
        elif name == b"authorization":
            kind, _, credential = value.partition(b" ")
            if kind.lower() != b"basic":
                found.append(credential.strip() if kind.lower() == b"bearer" else b"")
    return _only(found) if found else None


def _only(found: Iterable[bytes]) -> str:
    first, *others = found
    if others:
        raise InvalidCredential("More than one token or key was shown.", "invalid_request")
    if not first or len(first) > MAX_CREDENTIAL or not first.isascii():
        raise InvalidCredential
    return first.decode("ascii")
