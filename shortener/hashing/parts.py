"""The threads that hash passwords."""

import contextlib
from collections.abc import AsyncIterator

from shortener.hashing.passwords import PasswordHashes
from shortener.parts import Part, Parts

# Of accounts and of links alike: each process hashes few passwords at the same time.
HASHES = Part[PasswordHashes]("password hashes")


@contextlib.asynccontextmanager
async def open_hashes(parts: Parts) -> AsyncIterator[None]:
    """For commands; web processes have the hashes of `open_passwords`."""
    parts[HASHES] = hashes = PasswordHashes()
    try:
        yield
    finally:
        hashes.close()
