"""Tells every process within a second that a user, session or key is revoked, or that memberships have changed."""

from collections.abc import Callable, Collection

from redis.asyncio import Redis

from shortener.stores.invalidations import report

REVOKED_CHANNEL = "revoked"
# Of workspaces. No cache holds memberships; only listeners have to be judged again.
MEMBERS_CHANNEL = "members"


class Revocations:
    """Reports subjects, as `Principal` names them. `forget` is called first, so that this process sees it at once."""

    def __init__(self, redis: Redis, forget: Callable[[Collection[str] | None], None] = lambda _: None) -> None:
        self._redis = redis
        self._forget = forget

    async def report(self, *subjects: str) -> None:
        """Call after the revocation is committed."""
        self._forget(subjects)
        await report(self._redis, REVOKED_CHANNEL, " ".join(subjects))
