"""Whether somebody has agreed to follow a link that they were warned of: a token in the query, and nothing stored.

It is the client's own, and for a quarter of an hour: passed on to others, it shows them the warning again.
"""

import base64
import hashlib
import hmac
import time

PARAMETER = "agreed"
_WINDOW_S = 900


def without_consent(query: str) -> str:
    """The query without the token, which is for this service alone."""
    if PARAMETER not in query:
        return query
    return "&".join(part for part in query.split("&") if not part.startswith(PARAMETER + "="))


class Consent:
    """Makes and checks tokens; every process can with the same secret."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"consent:" + secret.encode()).digest()

    def query(self, code: str, url: str, client: str) -> str:
        """What goes behind the `?` of a link that the client has agreed to follow."""
        return f"{PARAMETER}={self._token(code, url, client, int(time.time()) // _WINDOW_S)}"

    def is_given(self, query: bytes, code: str, url: str, client: str) -> bool:
        """Whether the query of this client holds its token of this window, or of the one before."""
        window = int(time.time()) // _WINDOW_S
        shown = [part for part in query.split(b"&") if part.startswith(PARAMETER.encode() + b"=")]
        wanted = [f"{PARAMETER}={self._token(code, url, client, n)}".encode() for n in (window, window - 1)]
        return any(hmac.compare_digest(part, token) for part in shown[:1] for token in wanted)

    def _token(self, code: str, url: str, client: str, window: int) -> str:
        message = "\n".join((code, url, client, str(window))).encode()
        digest = hmac.digest(self._key, message, "sha256")
        return base64.urlsafe_b64encode(digest[:18]).decode()
