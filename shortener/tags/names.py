"""Names of tags, as people type them and as they are stored. Pure."""

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from shortener.text import one_line

MAX_NAME = 50
MAX_TAGS_OF_LINK = 20


def normalized(text: str) -> str:
    """The name as it is stored: trimmed, in lower case, with `-` for inner blanks. Raises ValueError for control
    characters."""
    lower = unicodedata.normalize("NFC", one_line(text)).lower()
    return unicodedata.normalize("NFC", lower).replace(" ", "-")


def _check(name: str) -> str:
    """Paths of the API hold names."""
    if "/" in name or name in (".", ".."):
        raise ValueError("a tag has no `/`, and is not `.` or `..`")
    return name


def _normalized(value: Any) -> Any:
    return normalized(value) if isinstance(value, str) else value


def _distinct(names: list[str]) -> list[str]:
    """In order, as answers have them."""
    return sorted(set(names))


TagName = Annotated[
    str,
    AfterValidator(_check),
    Field(min_length=1, max_length=MAX_NAME, examples=["spring-sale"]),
    BeforeValidator(_normalized),
]
TagNames = Annotated[list[TagName], Field(max_length=MAX_TAGS_OF_LINK), AfterValidator(_distinct)]
