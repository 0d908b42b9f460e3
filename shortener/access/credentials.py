"""Finds the credential in a request; the errors for a missing, bad or insufficient one."""

import re
from collections.abc import Iterable

from starlette.types import Scope as RequestScope

from shortener.access.scopes import Scope
from shortener.access.tokens import MAX_CREDENTIAL
from shortener.errors import Forbidden, Unauthorized

# Queries end up in logs, histories and Referer headers: a credential there is no longer a secret.
_IN_QUERY = re.compile(
    rb"(?:^|&)(?:access_token|refresh_token|api[_-]?key|x-api-key)=|shr[ris]?_[A-Za-z0-9_]{40,}", re.IGNORECASE
)


class AuthenticationRequired(Unauthorized):
    """The request has no token or key, and needs one.

    Log in, or use an API key.
    """

    type, title = "authentication-required", "Authentication required"

    def __init__(self) -> None:
        super().__init__(
            "Log in, or show an API key, as Authorization: Bearer or as X-API-Key.",
            headers={"WWW-Authenticate": 'Bearer realm="shortener"'},
        )


class InvalidCredential(Unauthorized):
    """The token or key is invalid, has expired, was revoked or is in the URL; or the request has two.

    Refresh, log in again, or use another key. Never put a credential into a URL.
    """

    type, title = "invalid-credential", "Invalid credential"

    def __init__(self, detail: str = "This token or key is not valid, or no longer.", error: str = "invalid_token"):
        super().__init__(detail, headers={"WWW-Authenticate": f'Bearer realm="shortener", error="{error}"'})


class InsufficientScope(Forbidden):
    """The key lacks a scope, which `detail` names; or the route is for admins, and the user is not an admin.

    Use a key that has the scope.
    """

    type, title = "insufficient-scope", "Insufficient scope"

    def __init__(self, scope: Scope) -> None:
        challenge = f'Bearer realm="shortener", error="insufficient_scope", scope="{scope}"'
        super().__init__(f"This needs the scope {scope}.", headers={"WWW-Authenticate": challenge})


def refuse_in_query(scope: RequestScope) -> None:
    """Raises InvalidCredential when there is a token or key in the URL."""
    if scope["query_string"] and _IN_QUERY.search(scope["query_string"]):
        raise InvalidCredential(
            "A token or key in a URL is refused. Others may have seen it: revoke it, and use a header.",
            "invalid_request",
        )


def read_credential(scope: RequestScope) -> str | None:
    """The credential of a request, if it has one. Basic authentication is for proxies, and ignored. Raises
    InvalidCredential."""
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
        raise InvalidCredential("The request has more than one token or key.", "invalid_request")
    if not first or len(first) > MAX_CREDENTIAL or not first.isascii():
        raise InvalidCredential
    return first.decode("ascii")
