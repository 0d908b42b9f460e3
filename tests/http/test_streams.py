"""Answers in pieces: made in the request's own task, and only as long as the client is there."""

import asyncio
from collections.abc import AsyncGenerator

from shortener.event_loop.turns import Turns
from shortener.http.streams import Stream

SCOPE = {"type": "http"}


async def stays():
    await asyncio.Event().wait()


async def test_pieces_are_made_in_the_task_that_takes_turns() -> None:
    seen, sent = set(), []

    async def pieces() -> AsyncGenerator[bytes | str, None]:
        for piece in ("ä", b"b"):
            seen.add(asyncio.current_task())
            yield piece

    async def send(message) -> None:
        sent.append(message)

    await Turns().run(Stream(pieces(), "text/csv", {"X-Name": "x"})(SCOPE, stays, send))
    assert seen == {asyncio.current_task()}
    assert sent[0]["status"] == 200
    assert {(b"x-name", b"x"), (b"content-type", b"text/csv; charset=utf-8")} <= set(sent[0]["headers"])
    assert b"".join(message["body"] for message in sent[1:]) == "äb".encode()
    assert [message["more_body"] for message in sent[1:]] == [True, True, False]


async def test_no_piece_is_made_for_a_client_that_has_gone() -> None:
    gone, closed, sent = asyncio.Event(), [], []

    async def pieces() -> AsyncGenerator[bytes | str, None]:
        try:
            for n in range(100):
                yield str(n)
                await asyncio.sleep(0)
        finally:
            closed.append(True)

    async def receive() -> dict[str, str]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message) -> None:
        sent.append(message)
        if message.get("body") == b"2":
            gone.set()

    await Stream(pieces(), "text/csv")(SCOPE, receive, send)
    assert len(sent) < 10
    assert closed == [True]
