"""Targets in Redis: key names, reading, filling and evicting.

A fill that was read from the database before a change must not be stored after it. Evicting therefore does
not delete: it leaves a mark for `MARK_MS`, and fills never overwrite anything (SET NX). The same script reports the
codes on `EVICTED_CHANNEL`, to which each process listens that holds targets in memory.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Literal

import msgspec
from redis.asyncio import Redis

from shortener.redirect.target import Entry, Target, pack, unpack
from shortener.stores.redis import Command, RedisGuard

KEY_PREFIX = "link:"
MARK_MS = 3000
TTL_JITTER = 0.1

_MISSING_VALUE = b""
_MARK_VALUE = b"\xc1"  # A byte that msgpack never uses.

EVICTED_CHANNEL = "evicted"
# Codes of new links that no memory can hold.
MADE_CHANNEL = "made"

# A command for each of a thousand codes would cost more than creating their links. A script blocks Redis,
# so batches are bounded.
_EVICTED_A_SCRIPT = 500
# KEYS: of the codes. ARGV: mark, its lifetime in ms, channel, the codes with spaces between them.
_EVICT_SCRIPT = """
for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end
redis.call('PUBLISH', ARGV[3], ARGV[4])
"""


class Absent(Enum):
    """Why there is no target."""

    MISSING = "no such link"
    UNKNOWN = "the cache cannot tell"


Cached = Entry | Literal[Absent.MISSING]
# What a code comes to, once aliases are followed.
Found = Target | Literal[Absent.MISSING]


def key_of(code: str) -> str:
    return KEY_PREFIX + code


class TargetCache:
    """Targets and missing codes in Redis. Others carry the question there; filling raises RedisUnavailable."""

    def __init__(self, redis: Redis, guard: RedisGuard, ttl_s: float, missing_ttl_s: float) -> None:
        self._redis = redis
        self._guard = guard
        self._ttl_s = ttl_s
        self._missing_ttl_s = missing_ttl_s

    @staticmethod
    def question(codes: Sequence[str]) -> Command:
        """What to ask Redis for these codes."""
        return ("MGET", *map(key_of, codes))

    @staticmethod
    def read(codes: Sequence[str], values: Sequence[bytes | None]) -> dict[str, Cached]:
        """What Redis's answer says of these codes; those that it does not know are left out."""
        found: dict[str, Cached] = {}
        for code, value in zip(codes, values, strict=True):
            if value == _MISSING_VALUE:
                found[code] = Absent.MISSING
            elif value is not None and value != _MARK_VALUE:
                try:
                    found[code] = unpack(value)
                except msgspec.DecodeError:
                    continue
        return found

    async def fill(self, entries: Mapping[str, Cached]) -> None:
        """Store what the database said, unless something is stored, or the code was just evicted."""
        pipeline = self._redis.pipeline(transaction=False)
        for code, entry in entries.items():
            missing = entry is Absent.MISSING
            ttl_s = self._missing_ttl_s if missing else self._ttl_s
            # Links cached in one burst must not all expire in one burst.
            ttl_ms = round(1000 * ttl_s * random.uniform(1 - TTL_JITTER, 1 + TTL_JITTER))  # noqa: S311
            value = _MISSING_VALUE if entry is Absent.MISSING else pack(entry)
            pipeline.set(key_of(code), value, px=ttl_ms, nx=True)
        await self._guard.call("cache", pipeline.execute())


async def evict(redis: Redis, codes: Iterable[str]) -> None:
    """Forget these codes everywhere, also in the memory of each process. Raises RedisError."""
    pipeline = redis.pipeline(transaction=False)
    every = list(codes)
    if not every:
        return
    for n in range(0, len(every), _EVICTED_A_SCRIPT):
        some = every[n : n + _EVICTED_A_SCRIPT]
        args = (_MARK_VALUE, MARK_MS, EVICTED_CHANNEL, " ".join(some))
        pipeline.execute_command("EVAL", _EVICT_SCRIPT, len(some), *map(key_of, some), *args)
    await pipeline.execute()


async def evict_present(redis: Redis, codes: Sequence[str]) -> None:
    """Forget those of these codes that Redis holds, without marks for the others. Raises RedisError.

    For codes that nobody can know of yet: somebody may have guessed one, but not in this very moment.
    """
    if codes:
        values = await redis.mget([key_of(code) for code in codes])
        await evict(redis, [code for code, value in zip(codes, values, strict=True) if value is not None])
