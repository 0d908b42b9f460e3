"""Millions of links at once, as they are after they were followed now and then: in Postgres, and cached in Redis."""

import asyncio
import socket
from collections.abc import Iterator

import asyncpg
from redis import Redis

from shortener.processes.embedded.data_directory import RunFile
from shortener.redirect.cache import key_of
from shortener.redirect.target import Target, pack

TTL_MS = 36_000_000
_SETS_AT_ONCE = 5000
# Beyond this the search index, which no redirect reads, would take longer to fill than all else.
_SEARCHABLE = 100_000
_NO_TIMEOUT_S = 3600


def code(n: int) -> str:
    return f"x{n:07x}"


def url(n: int) -> str:
    return f"https://example.com/page/{n}"


async def fill(run: RunFile, links: int) -> None:
    """Make links of the codes 0 to `links`, in both at once."""
    connection = await asyncpg.connect(run.database_url.replace("+asyncpg", ""))
    first_id: int = await connection.fetchval("SELECT coalesce(max(id), 0) + 1 FROM links")
    await asyncio.gather(_insert(connection, first_id, links), asyncio.to_thread(_cache, run, first_id, links))
    await connection.close()
    # Redis rewrites its log after this growth: not during a measurement.
    with Redis.from_url(run.redis_url) as redis:
        while any(redis.info("persistence")[f"aof_rewrite_{state}"] for state in ("in_progress", "scheduled")):
            await asyncio.sleep(0.5)


async def _insert(connection: asyncpg.Connection, first_id: int, links: int) -> None:
    if links > _SEARCHABLE:
        await connection.execute("DROP INDEX ix_links_search")
    await connection.execute(
        "INSERT INTO links (id, code, url) "
        f"SELECT {first_id} + n, 'x' || lpad(to_hex(n), 7, '0'), 'https://example.com/page/' || n "
        f"FROM generate_series(0, {links - 1}) AS n ORDER BY n",
        timeout=_NO_TIMEOUT_S,
    )
    await connection.execute("SELECT setval(pg_get_serial_sequence('links', 'id'), max(id)) FROM links")
    for statement in ("VACUUM (ANALYZE) links", "CHECKPOINT"):
        await connection.execute(statement, timeout=_NO_TIMEOUT_S)
    for n in (0, links - 1):
        row = await connection.fetchrow("SELECT id, url FROM links WHERE code = $1", code(n))
        assert tuple(row) == (first_id + n, url(n))


def _cache(run: RunFile, first_id: int, links: int) -> None:
    """By plain SETs over a socket: the product's own way takes ten times as long."""
    with socket.socket(socket.AF_UNIX) as redis:
        redis.connect(run.redis_url.removeprefix("unix://"))
        for commands, count in _sets(first_id, links):
            redis.sendall(commands)
            _expect(redis, b"+OK\r\n" * count)


def _sets(first_id: int, links: int) -> Iterator[tuple[bytes, int]]:
    ttl = b"%d" % TTL_MS
    tail = b"$2\r\nPX\r\n$%d\r\n%b\r\n" % (len(ttl), ttl)
    for start in range(0, links, _SETS_AT_ONCE):
        parts = []
        for n in range(start, min(start + _SETS_AT_ONCE, links)):
            key, value = key_of(code(n)).encode(), pack(Target(first_id + n, url(n)))
            parts.append(b"*5\r\n$3\r\nSET\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n%b" % (len(key), key, len(value), value, tail))
        yield b"".join(parts), len(parts)


def _expect(redis: socket.socket, wanted: bytes) -> None:
    answered = b""
    while len(answered) < len(wanted):
        received = redis.recv(1 << 16)
        assert received, "Redis has closed the connection"
        answered += received
    assert answered == wanted, answered[:200]
