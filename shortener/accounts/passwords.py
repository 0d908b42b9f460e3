"""Passwords: which are good enough, and hashing them beside the event loop."""

import asyncio
import base64
import os
import re
import secrets
import sys
import threading
import unicodedata
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple, TypeVar

import structlog
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from shortener.errors import BadRequest, ServiceUnavailable, Unprocessable

log = structlog.get_logger(__name__)

T = TypeVar("T")

MIN_LENGTH = 12
# Normalising and hashing take time that grows with it.
MAX_BYTES = 1024

# Each takes 64 MiB and a tenth of a second of a core; redirects of the same process go on meanwhile.
PARALLEL_HASHES = 2
LOWEST_PRIORITY = 19
# Who comes later than these would wait for longer than a client does.
MAX_WAITING = 100

MEMORY_KIB, TIME_COST, PARALLELISM = 65536, 3, 4
HASHER = PasswordHash((Argon2Hasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=PARALLELISM),))

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
    type, title = "weak-password", "Weak password"

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(f"The password {reason}.", errors=[{"in": "body", "field": field, "message": reason}])


class ClientGone(BadRequest):
    type, title = "client-gone", "Client gone"

    def __init__(self) -> None:
        super().__init__("The client has gone. Nobody sees this answer.")


# Whether the client waits no longer.
IsGone = Callable[[], Awaitable[bool]]


async def never_gone() -> bool:
    """For the command line, which waits for what it has asked for."""
    return False


class Verdict(NamedTuple):
    """`new_hash` is there when a right password was hashed with other parameters than today's."""

    is_right: bool
    new_hash: str | None


def check_password(password: str, email: str, field: str) -> None:
    """Raises WeakPassword, which names the request's field."""
    reason = _weakness(_normal(password).casefold(), email)
    if reason is not None:
        raise WeakPassword(reason, field)


def _is_listed(path: Path, password: str) -> bool:
    """Whether a line of the file is the password. For a thread: the file may be long, and each step on a part of it is
    short, since the event loop waits for it."""
    wanted = f"\n{_normal(password).casefold()}\n".encode()
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
    """Whether nothing but entries of the list is in it, however many, but for digits and signs around and between them,
    and digits for letters."""
    forms = {password, re.sub(r"[\W\d_]+$", "", re.sub(r"^[\W\d_]+", "", password))}
    forms |= {form.translate(_LEET) for form in forms}
    forms |= {re.sub(pattern, "", form) for form in forms for pattern in (r"[\W_]+", r"[\W\d_]+")}
    return any(_is_row_of_words(form) for form in forms - {""})


def _is_row_of_words(text: str) -> bool:
    words, lengths = _common(), _lengths()
    # Where words end that follow each other from the beginning of the text.
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
    """Whether all of it follows the alphabet, the digits or a keyboard, forwards or backwards."""
    return any(password in row or password in row[::-1] for row in (row * 3 for row in _ROWS))


def _normal(password: str) -> str:
    """The same whichever keyboard composed its letters."""
    return unicodedata.normalize("NFKC", password)


def _decoy() -> str:
    """A hash with today's parameters that no password has: for users who do not exist."""
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={MEMORY_KIB},t={TIME_COST},p={PARALLELISM}${salt}${digest}"


def _let_others_go_first() -> None:
    """Lower the priority of this thread, and of those that argon2 begins in it: on a busy core redirects go first. Only
    Linux has priorities of threads; elsewhere the system decides."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)


class Passwords:
    """Checks, hashes and verifies; in a few threads, and who comes when too many wait is sent away. `refused` is a file
    of passwords that nobody may choose."""

    def __init__(self, refused: Path | None = None) -> None:
        self._refused = refused
        self._threads = ThreadPoolExecutor(PARALLEL_HASHES, "passwords", initializer=_let_others_go_first)
        self._slots = asyncio.Semaphore(PARALLEL_HASHES)
        self._waiting = 0
        self._decoy = _decoy()

    async def check(self, password: str, email: str, field: str) -> None:
        """Raises WeakPassword, which names the request's field, and ServiceUnavailable: what cannot be looked up is not
        taken for good."""
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

    async def hash(self, password: str, is_gone: IsGone = never_gone) -> str:
        """Raises ServiceUnavailable, ClientGone."""
        return await self._in_slot(lambda: HASHER.hash(_normal(password)), is_gone)

    async def verify(
        self,
        password: str,
        known_hash: str | None,
        allowed: Callable[[], Awaitable[None]],
        is_gone: IsGone = never_gone,
    ) -> Verdict:
        """Compare; without a hash it takes as long, and is wrong. `allowed` is asked just before, and may raise:
        of many tries that wait here each sees what came of those before. Raises ServiceUnavailable, ClientGone."""
        is_right, new_hash = await self._in_slot(
            lambda: HASHER.verify_and_update(_normal(password), known_hash or self._decoy), is_gone, allowed
        )
        return Verdict(is_right, new_hash)

    async def _in_slot(
        self, work: Callable[[], T], is_gone: IsGone, allowed: Callable[[], Awaitable[None]] | None = None
    ) -> T:
        if self._waiting >= MAX_WAITING:
            raise ServiceUnavailable("Too many log in at this moment. Try again.", headers={"Retry-After": "5"})
        self._waiting += 1
        try:
            async with self._slots:
                if await is_gone():
                    raise ClientGone
                if allowed is not None:
                    await allowed()
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False)
