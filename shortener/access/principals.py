"""The principal of a request."""

import math
import uuid
from typing import NamedTuple

from shortener.access.scopes import Scope
from shortener.limits.identity import Identity
from shortener.settings.values import Rate

# Key of the principal in the scope of a request; its value is None for anonymous clients.
PRINCIPAL_KEY = "shortener.principal"


class Principal(NamedTuple):
    """A user, by a login (`session_id`) or by an API key (`key_id`)."""

    user_id: int
    scopes: frozenset[Scope]
    session_id: uuid.UUID | None = None
    key_id: uuid.UUID | None = None
    requests_per_minute: int | None = None
    # Unix time.
    expires_at_s: float = math.inf

    @property
    def subjects(self) -> frozenset[str]:
        """The names under which the revocation of this principal can be reported."""
        return frozenset((user_subject(self.user_id), self.means))

    @property
    def means(self) -> str:
        """The subject of the session or key."""
        return session_subject(self.session_id) if self.session_id else key_subject(self.key_id)

    @property
    def identity(self) -> Identity:
        """The identity for which requests are counted: one for all logins of a user, one per key."""
        if self.key_id is None:
            return Identity("account", user_subject(self.user_id))
        rate = Rate(self.requests_per_minute, 60) if self.requests_per_minute else None
        return Identity("account", key_subject(self.key_id), rate)


def user_subject(user_id: int) -> str:
    return f"user:{user_id}"


def session_subject(session_id: uuid.UUID) -> str:
    return f"session:{session_id}"


def key_subject(key_id: uuid.UUID | None) -> str:
    return f"key:{key_id}"
