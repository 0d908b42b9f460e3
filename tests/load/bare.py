"""The least that a redirect can be on uvicorn. Imports nothing: what a process has loaded costs it."""

from typing import Any

URL = "https://example.com/some/long/path?x=1"


async def app(scope: dict[str, Any], _: Any, send: Any) -> None:
    """Answers, and does nothing else."""
    headers = [(b"location", URL.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
