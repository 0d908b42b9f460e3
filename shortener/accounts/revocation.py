"""How every process hears within a second that somebody is not to be let in any more."""

import asyncio
from collections.abc import Callable, Collection

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

REVOKED_CHANNEL = "revoked"
# Who revokes does not wait for longer, and nobody's memory outlives a Redis that is away for as long.
REPORT_TIMEOUT_S = 1.0
_PAUSE_S = 0.1


class Revocations:
    """Reports subjects, as `Principal` names them; `forget` is told first: this process sees it at once."""

    def __init__(self, redis: Redis, forget: Callable[[Collection[str] | None], None] = lambda _: None) -> None:
        self._redis = redis
        self._forget = forget

    async def report(self, *subjects: str) -> None:
        """To be called once the revocation is committed."""
        self._forget(subjects)
        try:
            async with asyncio.timeout(REPORT_TIMEOUT_S):
                while not await self._published(" ".join(subjects)):
                    await asyncio.sleep(_PAUSE_S)
        except TimeoutError:
            # Each process trusts its memory only while Redis reports to it.
            log.warning("revocation_not_reported")

    async def _published(self, message: str) -> bool:
        try:
            await self._redis.publish(REVOKED_CHANNEL, message)
        except (RedisError, OSError):
            return False
        return True
