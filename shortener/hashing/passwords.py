"""Hashing passwords beside the event loop: in a few threads. When too many wait, the next is refused."""

import base64
import secrets
import unicodedata
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from shortener.errors import BadRequest, ServiceUnavailable
from shortener.event_loop.bounded_threads import BoundedThreads

T = TypeVar("T")

# Each takes 64 MiB and a tenth of a second of a core; redirects of the same process go on meanwhile.
PARALLEL_HASHES = 2
# With more waiting, the last would wait longer than clients do.
MAX_WAITING = 100

MEMORY_KIB, TIME_COST, PARALLELISM = 65536, 3, 4
HASHER = PasswordHash((Argon2Hasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=PARALLELISM),))


class ClientGone(BadRequest):
    """The client closed the connection while its password waited to be hashed. The password is not hashed."""

    type, title = "client-gone", "Client gone"

    def __init__(self) -> None:
        super().__init__("The client has gone. Nobody sees this answer.")


# Whether the client has disconnected.
IsGone = Callable[[], Awaitable[bool]]


async def never_gone() -> bool:
    """For the command line, which always waits."""
    return False


class PasswordCheck(NamedTuple):
    """`new_hash` is set if a right password was hashed with other parameters than the current ones."""

    is_right: bool
    new_hash: str | None


def normal(password: str) -> str:
    """One form, whichever keyboard composed the letters."""
    return unicodedata.normalize("NFKC", password)


def _decoy() -> str:
    """A hash with the current parameters that no password has, for users who do not exist."""
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={MEMORY_KIB},t={TIME_COST},p={PARALLELISM}${salt}${digest}"


def _too_many() -> ServiceUnavailable:
    return ServiceUnavailable("Too many passwords are being checked. Try again.", headers={"Retry-After": "5"})


class PasswordHashes:
    """Hashes and verifies, in a few threads. When too many wait, the next is refused."""

    def __init__(self) -> None:
        self._threads = BoundedThreads("passwords", PARALLEL_HASHES, MAX_WAITING, _too_many)
        self._decoy = _decoy()

    async def hash(self, password: str, is_gone: IsGone = never_gone) -> str:
        """Raises ServiceUnavailable, ClientGone."""
        return await self._in_slot(lambda: HASHER.hash(normal(password)), is_gone)

    async def verify(
        self,
        password: str,
        known_hash: str | None,
        allowed: Callable[[], Awaitable[None]] | None = None,
        is_gone: IsGone = never_gone,
    ) -> PasswordCheck:
        """Compare. Without a hash it takes as long, and the password is wrong. `allowed` is called just before and may
        raise, so that each of many waiting attempts sees the outcome of those before. Raises ServiceUnavailable,
        ClientGone."""
        is_right, new_hash = await self._in_slot(
            lambda: HASHER.verify_and_update(normal(password), known_hash or self._decoy), is_gone, allowed
        )
        return PasswordCheck(is_right, new_hash)

    async def _in_slot(
        self, work: Callable[[], T], is_gone: IsGone, allowed: Callable[[], Awaitable[None]] | None = None
    ) -> T:
        async def before() -> None:
            if await is_gone():
                raise ClientGone
            if allowed is not None:
                await allowed()

        return await self._threads.run(work, before)

    def close(self) -> None:
        self._threads.shutdown(wait=False)
