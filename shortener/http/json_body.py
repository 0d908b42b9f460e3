"""JSON bodies of requests: of bounded size, and without unknown members."""

import asyncio
import codecs
import json
import re
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, model_validator
from starlette.exceptions import HTTPException
from starlette.requests import Request

from shortener.event_loop.slices import gathered

# Parsing cost grows with the number of values, which may be a third of the number of bytes. The bound covers the commas
# and opening brackets of a thousand links and their URLs.
MAX_SIGNS = 250_000
# Members of an object. Each unknown one adds an entry to the error, and a body has room for thousands.
MAX_MEMBERS = 40
# Each value except the first follows one of these, a member's value after its name.
_SIGNS = (b",", b"[", b"{")
_COUNTED_AT_ONCE = 2**20
# A body up to this size is parsed at once.
MAX_WHOLE_BYTES = 64 * 1024
# Bytes of one member or item of a larger body: more than any link has, even with escaped characters.
MAX_PART_BYTES = 64 * 1024
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_SPACE = re.compile(rb"[ \t\r\n]*")


class RequestBody(BaseModel):
    """Unknown members are refused: a misspelt `expire_at` must not create a link that lives for ever, and nobody must
    become an admin by asking for it. Errors do not repeat the input, which may be a password."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _is_bounded(cls, value: Any) -> Any:
        if isinstance(value, dict) and len(value) > MAX_MEMBERS:
            raise ValueError(f"it has more than {MAX_MEMBERS} members")
        return value


# Of members that a change may name and that are never null. It is never read: only what is named is.
UNSET: Any = None


def _without_defaults(schema: dict[str, Any]) -> None:
    """Members that a change does not name stay as they are, whatever a new thing has by default."""
    for member in schema.get("properties", {}).values():
        member.pop("default", None)


# Of bodies that change only what they name.
CHANGE = ConfigDict(json_schema_extra=_without_defaults)


class JsonRequest(Request):
    """A request whose body must be UTF-8 (RFC 8259) with a bounded number of values; it is read once."""

    async def json(self) -> Any:
        """Raises HTTPException, ValueError."""
        if not hasattr(self, "_json"):
            try:
                self._json = await _read(await self.body())
            except UnicodeDecodeError:
                raise HTTPException(400, "The body is not UTF-8. Send JSON in UTF-8.") from None
            except RecursionError:
                raise HTTPException(400, "The body is nested too deeply.") from None
            except json.JSONDecodeError:
                raise
            except ValueError:  # Python limits the digits of a number.
                raise HTTPException(400, "The body has a number with too many digits.") from None
        return self._json


async def _read(body: bytes) -> Any:
    starts = range(0, len(body), _COUNTED_AT_ONCE)
    counts = await gathered(body.count(sign, n, n + _COUNTED_AT_ONCE) for n in starts for sign in _SIGNS)
    if sum(counts) > MAX_SIGNS:
        # FastAPI would treat any other error as a body that cannot be parsed.
        raise HTTPException(413, f"The body has more than {MAX_SIGNS:,} commas and opening brackets.")
    return await _parsed(body.removeprefix(codecs.BOM_UTF8))


async def _parsed(text: bytes) -> Any:
    """Parses the members or items of a large object or list one by one. Finding them takes a fraction of the time of
    parsing."""
    if len(text) <= MAX_WHOLE_BYTES:
        return json.loads(text.decode())
    try:
        if _begins_with(b"{", text):
            members = _MEMBERS.decode(text).items()
            return {name: await _parsed_member(bytes(member)) for name, member in members}
        return await _parsed_member(text)
    except msgspec.DecodeError as error:
        raise json.JSONDecodeError(str(error), "", 0) from None


async def _parsed_member(text: bytes) -> Any:
    await asyncio.sleep(0)
    if len(text) > MAX_WHOLE_BYTES and _begins_with(b"[", text):
        return await gathered(map(_parsed_part, _ITEMS.decode(text)))
    return _parsed_part(text)


def _parsed_part(text: bytes | msgspec.Raw) -> Any:
    text = bytes(text)
    if len(text) > MAX_PART_BYTES:
        raise HTTPException(413, f"A part of the body is larger than {MAX_PART_BYTES} bytes.")
    return json.loads(text.decode())


def _begins_with(sign: bytes, text: bytes) -> bool:
    return text[: _SPACE.match(text).end() + 1].endswith(sign)  # type: ignore[union-attr]
