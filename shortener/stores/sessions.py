"""Database sessions of requests, as dependencies of routes."""

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.parts import parts_of
from shortener.stores.database import REQUEST_KEY
from shortener.stores.parts import DATABASE


async def _writer(request: Request) -> AsyncGenerator[AsyncSession]:
    async with parts_of(request)[DATABASE].session(info={REQUEST_KEY: request}) as session:
        yield session


async def _reader(request: Request) -> AsyncGenerator[AsyncSession]:
    async with parts_of(request)[DATABASE].replica_session() as session:
        yield session


# Services commit themselves: code after a yield runs only when the answer has left.
Writer = Annotated[AsyncSession, Depends(_writer)]
Reader = Annotated[AsyncSession, Depends(_reader)]
