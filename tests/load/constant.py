"""What a redirect is compared with: the same answer, always, from bare uvicorn and from a FastAPI route."""

from typing import Any

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

URL = "https://example.com/some/long/path?x=1"


async def bare(scope: dict[str, Any], _: Any, send: Any) -> None:
    """An ASGI app that does nothing but answer."""
    if scope["type"] != "http":
        return
    headers = [(b"location", URL.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


fastapi = FastAPI()


@fastapi.get("/{code}")
async def follow(code: str) -> RedirectResponse:
    """The shortest route there is."""
    return RedirectResponse(URL, 302)
