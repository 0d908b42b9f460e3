"""Members of a request as people write them behind a command: `NAME=VALUE`."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from shortener.errors import Unprocessable


def read_members(members: Iterable[str] | None, **others: Any) -> dict[str, Any]:
    """A request's body of these members, and of those others that are not None. Raises Unprocessable."""
    body = {name: value for name, value in others.items() if value is not None}
    for member in members or ():
        name, equals, value = member.partition("=")
        if not equals:
            raise Unprocessable(f"{member} is not of the form NAME=VALUE.")
        body[name] = _value(value)
    return body


def _value(text: str) -> Any:
    """JSON where it is JSON, else the text itself. Raises Unprocessable."""
    if text.startswith("@"):
        try:
            return json.loads(Path(text[1:]).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Unprocessable(f"{text[1:]} cannot be read as JSON: {error}.") from None
    try:
        return json.loads(text)
    except ValueError:
        return text
