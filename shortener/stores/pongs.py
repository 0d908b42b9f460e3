"""Whether Redis still answers on a connection that listens to messages."""

import time
from typing import Any

from redis.asyncio.connection import AbstractConnection as Connection

PING_INTERVAL_S = 0.2
DEADLINE_S = 0.8


class Pongs:
    """Pings on a connection, and notices that no pong comes. The time that this process itself stood still does not
    count: it could neither send a ping nor read the pong."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pinged_at_s = 0.0
        self._pong_at_s = time.monotonic()

    async def read(self, timeout_s: float) -> Any:
        """The next message, a pong too; None if none came in time. Raises TimeoutError, RedisError, OSError."""
        began_at_s = time.monotonic()
        if began_at_s - self._pinged_at_s >= PING_INTERVAL_S:
            await self._connection.send_command("PING", check_health=False)
            self._pinged_at_s = began_at_s
        message = await self._connection.read_response(timeout=timeout_s, disconnect_on_error=False)
        now_s = time.monotonic()
        if message is None:
            self._pong_at_s += max(0.0, now_s - began_at_s - timeout_s)
            if now_s - self._pong_at_s > DEADLINE_S:
                raise TimeoutError("Redis sends no pong")
        elif message[0] == b"pong":
            self._pong_at_s = now_s
        return message
