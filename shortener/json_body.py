"""What JSON a body may be: UTF-8, as RFC 8259 has it, and of no more values than anything here asks for. To parse takes
time and memory by the number of values, which may be a third of the number of bytes."""

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

# Of a thousand links, and what their URLs have of such signs.
MAX_SIGNS = 250_000
# Each value but the first comes behind one of these, a member's behind its name.
_SIGNS = (b",", b"[", b"{")


class JsonRequest(Request):
    """A request whose body is read as above, once."""

    async def json(self) -> Any:
        """Raises HTTPException, ValueError."""
        if not hasattr(self, "_json"):
            self._json = _read(await self.body())
        return self._json


def _read(body: bytes) -> Any:
    if sum(map(body.count, _SIGNS)) > MAX_SIGNS:
        # FastAPI takes any other error for a body that cannot be parsed.
        raise HTTPException(413, f"The body has more than {MAX_SIGNS:,} commas and opening brackets.")
    return json.loads(body.decode("utf-8-sig"))
