"""The shortest route there is in FastAPI."""

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from tests.load.bare import URL

app = FastAPI()


@app.get("/{code}")
async def follow(code: str) -> RedirectResponse:
    """Answers the same, always."""
    return RedirectResponse(URL, 302)
