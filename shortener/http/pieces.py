"""Large answers, written piece by piece: nothing of the size of the whole is built or sent at once."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from fastapi import Response
from fastapi.responses import StreamingResponse

# Small ones are sent together.
PIECE_BYTES = 64 * 1024


def json_list(name: str, items: Sequence[bytes], others: Mapping[str, Any]) -> list[bytes]:
    """The pieces of an object: a list of items that are JSON already, and other members."""
    separated = [piece for item in items for piece in (b",", item)][1:]
    return [b'{"%b":[' % name.encode(), *separated, b"]," + orjson.dumps(others)[1:]]


def answer_of(pieces: Sequence[bytes]) -> Response:
    """The answer that the pieces of JSON make together."""
    headers = {"Content-Length": str(sum(map(len, pieces)))}
    return StreamingResponse(_each(pieces), headers=headers, media_type="application/json")


async def _each(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for piece in _cut(pieces):
        waiting.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
            # The system may take each at once, so that nothing else would have a turn.
            await asyncio.sleep(0)
    yield b"".join(waiting)


def _cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from (piece[n : n + PIECE_BYTES] for n in range(0, len(piece), PIECE_BYTES))
