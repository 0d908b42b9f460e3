"""The principal of a request, and its scopes."""

import math
import uuid
from enum import StrEnum
from typing import NamedTuple

from shortener.limits.identity import Identity
from shortener.settings.values import Rate

# Where in the scope of a request the principal is; None is there for who shows nothing.
PRINCIPAL_KEY = "shortener.principal"


class Scope(StrEnum):
    """What a key may do. A login may do all that its user may."""

    LINKS_READ = "links:read"
    LINKS_WRITE = "links:write"
    STATS_READ = "stats:read"
    TOKENS_VERIFY = "tokens:verify"
    ADMIN = "admin"


def scopes_of_user(is_admin: bool) -> frozenset[Scope]:
    return frozenset(Scope) if is_admin else frozenset(Scope) - {Scope.ADMIN}


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
        """The names under which a revocation of it can be reported."""
        return frozenset((user_subject(self.user_id), self.means))

    @property
    def means(self) -> str:
        """The session or key."""
        return session_subject(self.session_id) if self.session_id else key_subject(self.key_id)

    @property
    def identity(self) -> Identity:
        """As whom its requests are counted: all logins of a user together, each key alone."""
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
