"""Writes large answers piece by piece, so that none is built or sent at once."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

from shortener.http.streams import Stream

# Small pieces are joined up to this size.
PIECE_BYTES = 64 * 1024


def json_list(name: str, items: Sequence[bytes], others: Mapping[str, Any]) -> list[bytes]:
    """The pieces of an object with a list of items, which are already JSON, and other members."""
    separated = [piece for item in items for piece in (b",", item)][1:]
    return [b'{"%b":[' % name.encode(), *separated, b"]," + orjson.dumps(others)[1:]]


def answer_of(pieces: Sequence[bytes]) -> Response:
    """An answer that consists of these pieces of JSON."""
    headers = {"Content-Length": str(sum(map(len, pieces)))}
    return Stream(_each(pieces), "application/json", headers)


async def _each(pieces: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    waiting: list[bytes] = []
    size = 0
    for piece in _cut(pieces):
        waiting.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
            # The system may accept each piece at once, and then nothing else would get a turn.
            await asyncio.sleep(0)
    yield b"".join(waiting)


def _cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from (piece[n : n + PIECE_BYTES] for n in range(0, len(piece), PIECE_BYTES))
