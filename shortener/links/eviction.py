"""Telling everybody that links have changed."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shortener.redirect.cache import MADE_CHANNEL, evict, evict_present

log = structlog.get_logger(__name__)

# A Redis that hangs does not hold up who changes a link: no memory trusts it for longer either.
EVICT_TIMEOUT_S = 1.0


class Eviction:
    """Call it with the codes of links that have changed, once that is committed. `forget` is told as well: this process
    sees the change at once."""

    def __init__(self, redis: Redis, forget: Callable[[Iterable[str]], None]) -> None:
        self._redis = redis
        self._forget = forget

    async def __call__(self, *codes: str, generated: Sequence[str] = ()) -> None:
        """Everybody is to forget these links. Of `generated` codes there is hardly anything to forget."""
        try:
            async with asyncio.timeout(EVICT_TIMEOUT_S):
                await evict(self._redis, codes)
                await evict_present(self._redis, generated)
                if generated:
                    await self._redis.publish(MADE_CHANNEL, " ".join(generated))
        except (RedisError, OSError) as error:
            # The worker evicts again whatever has changed, as soon as Redis answers.
            log.warning("not_evicted", codes=codes[:10], error=repr(error))
        self._forget([*codes, *generated])
