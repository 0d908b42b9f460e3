"""Tags that are added to a link and taken from it on the command line."""

from collections.abc import Mapping, Sequence
from typing import Any

from shortener.errors import ShortenerError, Unprocessable
from shortener.links.operations import EDIT, SHOW, of_link
from shortener.tags.names import normalized
from shortener.terminal.backend import backend
from shortener.terminal.problems import ServerProblem

_TRIES = 5


def edit_tags(code: str, body: Mapping[str, Any], added: Sequence[str], removed: Sequence[str]) -> dict[str, Any]:
    """Change the link, and its tags by these. Somebody else who changes the link meanwhile loses nothing. Raises
    ShortenerError, OperatorError."""
    gone = {_stored(tag) for tag in removed}
    with backend() as answering:
        for n in range(_TRIES):
            link = answering.answer(of_link(SHOW, code))
            tags = [tag for tag in link["tags"] if tag not in gone] + list(added)
            change = {"updated_at": link["updated_at"], **body, "tags": tags}
            try:
                changed: dict[str, Any] = answering.answer(of_link(EDIT, code, body=change))
            except (ShortenerError, ServerProblem) as error:
                if error.type != "changed-meanwhile" or "updated_at" in body or n + 1 == _TRIES:
                    raise
            else:
                return changed
    raise AssertionError


def _stored(tag: str) -> str:
    """Raises Unprocessable."""
    try:
        return normalized(tag)
    except ValueError as error:
        raise Unprocessable(f"{tag!r}: {error}.") from None
