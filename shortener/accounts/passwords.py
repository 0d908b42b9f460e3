"""Which passwords of accounts are good enough."""

import asyncio
import re
from functools import cache
from importlib.resources import files
from pathlib import Path

import structlog

from shortener.errors import ServiceUnavailable, Unprocessable
from shortener.hashing.passwords import PasswordHashes, normal

log = structlog.get_logger(__name__)

MIN_LENGTH = 12
# Time to normalize and hash grows with the length.
MAX_BYTES = 1024

_READ_BYTES = 2**18

# Too few distinct characters make a weak password of any length.
_MIN_DISTINCT = 5
_MIN_LOCAL_PART = 4
_TRIED_FIRST = "is too common"
_LEET = str.maketrans("0134578@$!", "oieastbasi")
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "0123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
)


class WeakPassword(Unprocessable):
    """The password is too short or too common; `detail` says which.

    Choose another, such as a few words that do not belong together.
    """

    type, title = "weak-password", "Weak password"

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(f"The password {reason}.", errors=[{"in": "body", "field": field, "message": reason}])


def check_password(password: str, email: str, field: str) -> None:
    """Raises WeakPassword, which names the request's field."""
    reason = _weakness(normal(password).casefold(), email)
    if reason is not None:
        raise WeakPassword(reason, field)


def _is_listed(path: Path, password: str) -> bool:
    """Whether a line of the file is the password. Runs in a thread. The file may be long, so it is read in short steps:
    each holds the interpreter lock, for which the event loop waits."""
    wanted = f"\n{normal(password).casefold()}\n".encode()
    with path.open("rb") as file:
        before = b"\n"
        while part := file.read(_READ_BYTES):
            lines = before + part.replace(b"\r", b"").lower()
            if wanted in lines:
                return True
            before = lines[-len(wanted) :]
    return wanted in before + b"\n"


def _weakness(password: str, email: str) -> str | None:
    local_part = email.partition("@")[0]
    if len(password) < MIN_LENGTH:
        return f"has fewer than {MIN_LENGTH} characters"
    if len(set(password)) < _MIN_DISTINCT:
        return f"has fewer than {_MIN_DISTINCT} different characters"
    if len(local_part) >= _MIN_LOCAL_PART and local_part in password:
        return "contains the name of the email address"
    if _is_common(password) or _is_row(password):
        return _TRIED_FIRST
    return None


@cache
def _common() -> frozenset[str]:
    text = (files("shortener.accounts") / "common_passwords.txt").read_text()
    return frozenset(line.strip() for line in text.splitlines() if line and not line.startswith("#"))


def _is_common(password: str) -> bool:
    """Whether the password consists only of entries of the list, with digits and punctuation around and between them,
    or digits instead of letters."""
    forms = {password, re.sub(r"[\W\d_]+$", "", re.sub(r"^[\W\d_]+", "", password))}
    forms |= {form.translate(_LEET) for form in forms}
    forms |= {re.sub(pattern, "", form) for form in forms for pattern in (r"[\W_]+", r"[\W\d_]+")}
    return any(_is_row_of_words(form) for form in forms - {""})


def _is_row_of_words(text: str) -> bool:
    words, lengths = _common(), _lengths()
    # Positions at which a row of words from the beginning of the text ends.
    ends, unexplored = {0}, [0]
    while unexplored:
        start = unexplored.pop()
        following = {start + length for length in lengths if text[start : start + length] in words} - ends
        ends |= following
        unexplored += following
    return len(text) in ends


@cache
def _lengths() -> tuple[int, ...]:
    return tuple(sorted(set(map(len, _common()))))


def _is_row(password: str) -> bool:
    """Whether the whole password follows the alphabet, the digits or a keyboard, forwards or backwards."""
    return any(password in row or password in row[::-1] for row in (row * 3 for row in _ROWS))


class Passwords(PasswordHashes):
    """Hashes, and says which passwords may be chosen. `refused` is a file of passwords that nobody may choose."""

    def __init__(self, refused: Path | None = None) -> None:
        super().__init__()
        self._refused = refused

    async def check(self, password: str, email: str, field: str) -> None:
        """Raises WeakPassword, which names the request's field, and ServiceUnavailable: if the file cannot be read, no
        password is accepted."""
        check_password(password, email, field)
        if self._refused is None:
            return
        try:
            is_listed = await asyncio.to_thread(_is_listed, self._refused, password)
        except OSError as error:
            log.error("password_list_unreadable", error=repr(error))
            raise ServiceUnavailable("The list of refused passwords cannot be read.") from None
        if is_listed:
            raise WeakPassword(_TRIED_FIRST, field)
