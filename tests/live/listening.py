"""Listeners for tests: clients of an app in this process, over ASGI."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI

LIVE = "/api/v1/live"
WITHIN_S = 20.0
QUIET_S = 0.4


class Listening:
    """A client of the live channel, and what it has received. `status` is None for an open socket."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.has_begun = asyncio.Event()
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.body = b""
        self.close_code: int | None = None
        self.ended = asyncio.Event()
        # Cleared while the client reads nothing.
        self.reads = asyncio.Event()
        self.reads.set()

    async def next(self, *types: str) -> dict[str, Any]:
        """The next message, of these types."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                message = await self.messages.get()
                if not types or message["type"] in types:
                    return message

    async def types(self, quiet_s: float = QUIET_S) -> list[str]:
        """The types of all messages, until there is silence."""
        return [message["type"] for message in await self.rest(quiet_s)]

    async def rest(self, quiet_s: float = QUIET_S) -> list[dict[str, Any]]:
        found = []
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(quiet_s):
                    found.append(await self.messages.get())
        return found

    async def say(self, type_: str, *channels: str) -> None:
        await self.send_text(json.dumps({"type": type_, "channels": channels}))

    async def send_text(self, text: str) -> None:
        await self.said.put({"type": "websocket.receive", "text": text})

    async def take(self, message: dict[str, Any]) -> None:
        """ASGI's `send`."""
        await self.reads.wait()
        match message["type"]:
            case "http.response.start" | "websocket.http.response.start":
                self.status = message["status"]
                self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
                self.has_begun.set()
            case "http.response.body" | "websocket.http.response.body":
                self.body += message.get("body", b"")
                self._split()
            case "websocket.accept":
                self.headers = {"subprotocol": message.get("subprotocol")}
                self.has_begun.set()
            case "websocket.send":
                self.messages.put_nowait(json.loads(message["text"]))
            case "websocket.close":
                self.close_code = message["code"]

    def _split(self) -> None:
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            *events, self.body = self.body.split(b"\n\n")
            for event in events:
                fields = dict(line.split(b": ", 1) for line in event.splitlines() if b": " in line)
                if b"data" in fields:
                    message = json.loads(fields[b"data"])
                    assert message["id"] == fields[b"id"].decode()
                    self.messages.put_nowait(message)


@contextlib.asynccontextmanager
async def connected(app: FastAPI, scope: dict[str, Any]) -> AsyncIterator[Listening]:
    listening, gone = Listening(), asyncio.Event()
    kind = scope["type"]
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request"} if kind == "http" else {"type": "websocket.connect"}
        said, left = asyncio.create_task(listening.said.get()), asyncio.create_task(gone.wait())
        try:
            await asyncio.wait((said, left), return_when=asyncio.FIRST_COMPLETED)
            if said.done():
                return said.result()
            return {"type": f"{kind}.disconnect", "code": 1005}
        finally:
            said.cancel()
            left.cancel()

    async def run() -> None:
        try:
            await app(scope, receive, listening.take)
        finally:
            listening.has_begun.set()
            listening.ended.set()

    running = asyncio.create_task(run())
    try:
        async with asyncio.timeout(WITHIN_S):
            await listening.has_begun.wait()
        yield listening
    finally:
        gone.set()
        listening.reads.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(running), 0.2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def scope_of(app: FastAPI, kind: str, headers: dict[str, str], query: dict[str, Any], **more: Any) -> dict[str, Any]:
    sent = {"host": "sho.rt"} | headers
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": LIVE,
        "raw_path": LIVE.encode(),
        "root_path": "",
        "query_string": urlencode(query, doseq=True).encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "client": ("203.0.113.7", 50000),
        "server": ("sho.rt", 443),
        "state": {},
        **more,
    }


@contextlib.asynccontextmanager
async def listening(app: FastAPI, headers: dict[str, str], *channels: str, **query: Any) -> AsyncIterator[Listening]:
    """A client of server-sent events, which is ready."""
    scope = scope_of(app, "http", headers, {"channel": channels} | query)
    async with connected(app, scope) as client:
        if client.status == 200 and "follow" not in query:
            client.ready = await client.next("ready")  # type: ignore[attr-defined]
        yield client


@contextlib.asynccontextmanager
async def socket(
    app: FastAPI, headers: dict[str, str], *channels: str, subprotocols: tuple[str, ...] = (), **query: Any
) -> AsyncIterator[Listening]:
    """A client of the WebSocket."""
    extensions = {"websocket.http.response": {}}
    scope = scope_of(
        app, "websocket", headers, {"channel": channels} | query, subprotocols=subprotocols, extensions=extensions
    )
    async with connected(app, scope) as client:
        yield client
