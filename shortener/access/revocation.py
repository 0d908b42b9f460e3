"""How every process hears within a second that somebody is not to be let in any more."""

from collections.abc import Callable, Collection

from redis.asyncio import Redis

from shortener.stores.invalidations import report

REVOKED_CHANNEL = "revoked"


class Revocations:
    """Reports subjects, as `Principal` names them; `forget` is told first: this process sees it at once."""

    def __init__(self, redis: Redis, forget: Callable[[Collection[str] | None], None] = lambda _: None) -> None:
        self._redis = redis
        self._forget = forget

    async def report(self, *subjects: str) -> None:
        """To be called once the revocation is committed."""
        self._forget(subjects)
        await report(self._redis, REVOKED_CHANNEL, " ".join(subjects))
