"""What can be done with accounts, passwords and keys."""

import contextlib
from collections.abc import AsyncIterator

from shortener.access.parts import ACCESS_TOKENS, REVOCATIONS
from shortener.accounts.keys import KeyService
from shortener.accounts.passwords import Passwords
from shortener.accounts.service import AccountService
from shortener.accounts.slowdown import Slowdown
from shortener.hashing.parts import HASHES
from shortener.limits.parts import LIMIT_KEYS
from shortener.parts import Part, Parts
from shortener.stores.parts import GUARD, REDIS
from shortener.workspaces.parts import WORKSPACES

ACCOUNTS = Part[AccountService]("accounts")
KEYS = Part[KeyService]("keys")
PASSWORDS = Part[Passwords]("passwords")


@contextlib.asynccontextmanager
async def open_passwords(parts: Parts) -> AsyncIterator[None]:
    parts[PASSWORDS] = parts[HASHES] = passwords = Passwords(parts.settings.password_list)
    try:
        yield
    finally:
        passwords.close()


@contextlib.asynccontextmanager
async def open_accounts(parts: Parts) -> AsyncIterator[None]:
    slowdown = Slowdown(parts[REDIS], parts[GUARD], parts[LIMIT_KEYS])
    parts[ACCOUNTS] = AccountService(
        parts[PASSWORDS], parts[ACCESS_TOKENS], slowdown, parts[REVOCATIONS], parts[WORKSPACES]
    )
    yield


@contextlib.asynccontextmanager
async def open_keys(parts: Parts) -> AsyncIterator[None]:
    parts[KEYS] = KeyService(parts[REVOCATIONS])
    yield
