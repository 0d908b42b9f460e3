"""What bodies of the API's requests have in common: JSON of bounded size, and no members that nobody knows."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from starlette.exceptions import HTTPException
from starlette.requests import Request

# To parse takes time and memory by the number of values, which may be a third of the number of bytes. So many have the
# commas and opening brackets of a thousand links, and of their URLs.
MAX_SIGNS = 250_000
# Of an object. Each that nobody knows is an error to tell, and a body has room for thousands.
MAX_MEMBERS = 20
# Each value but the first comes behind one of these, a member's behind its name.
_SIGNS = (b",", b"[", b"{")


class RequestBody(BaseModel):
    """Members nobody knows are refused: a misspelt `expire_at` must not make a link that lives for ever, and nobody
    becomes an admin by asking for it. No error repeats what was sent, which may be a password."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _is_bounded(cls, value: Any) -> Any:
        if isinstance(value, dict) and len(value) > MAX_MEMBERS:
            raise ValueError(f"it has more than {MAX_MEMBERS} members")
        return value


class JsonRequest(Request):
    """A request whose body is UTF-8, as RFC 8259 has it, of no more values than anything here asks for; read once."""

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
