"""Scopes: what a login or an API key may do."""

from enum import StrEnum


class Scope(StrEnum):
    """Scopes of API keys. A login may do everything that its user may."""

    LINKS_READ = "links:read"
    LINKS_WRITE = "links:write"
    STATS_READ = "stats:read"
    TOKENS_VERIFY = "tokens:verify"
    ADMIN = "admin"


def scopes_of_user(is_admin: bool) -> frozenset[Scope]:
    return frozenset(Scope) if is_admin else frozenset(Scope) - {Scope.ADMIN}
