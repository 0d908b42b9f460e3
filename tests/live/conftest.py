"""A service with a worker, and people who share a workspace."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI
from redis.asyncio import Redis

from shortener.clicks.event import Click, new_batch
from shortener.clicks.writer import ClickWriter
from shortener.event_loop.tasks import end
from shortener.links.ids import number_of
from shortener.live.publisher import ClickPublisher
from shortener.parts import Parts
from shortener.settings import Settings
from shortener.stores.database import Database
from shortener.stores.parts import DATABASE, LISTENERS, REDIS
from tests.conftest import eventually
from tests.workspaces.conftest import *  # noqa: F403
from tests.workspaces.conftest import LINKS, URL, Person
from workers import live, notifications


class Worker(NamedTuple):
    """The work of a worker for listeners."""

    database: Database
    writer: ClickWriter
    ctx: dict[str, Any]

    async def write(self, *clicks: Click) -> None:
        async with self.database.driver_connection() as connection:
            await self.writer.write(connection, [new_batch(list(clicks))])

    async def tell(self) -> None:
        """Notify of what was noted."""
        await notifications.deliver_news(self.ctx)


@pytest.fixture
async def worker(settings: Settings, database: Database, redis: Redis, monkeypatch) -> AsyncIterator[Worker]:
    monkeypatch.setattr(live, "NUMBER_EVERY_S", 0.02)
    parts = Parts(settings)
    parts[DATABASE], parts[REDIS] = database, redis
    publisher = ClickPublisher(redis, database)
    tasks = [asyncio.create_task(publisher.run()), asyncio.create_task(live.keep_numbering(parts))]
    monkeypatch.setattr("shortener.live.publisher.AUDIENCE_S", 0.0)
    yield Worker(database, ClickWriter(written=publisher.add), {"parts": parts})
    for task in tasks:
        await end(task)


@pytest.fixture
async def informed(app: FastAPI) -> None:
    """Redis reports to the app."""
    listeners = app.state.parts[LISTENERS]
    await eventually(lambda: all(cache.lifetime_s > 1 for cache in listeners._caches))


class Place(NamedTuple):
    """A link in a workspace of Ada's, which Bob may see."""

    path: str
    link: str
    number: int
    workspace: str

    @property
    def of_link(self) -> str:
        return f"link:{self.link}"

    @property
    def of_workspace(self) -> str:
        return f"workspace:{self.workspace}"


@pytest.fixture
async def place(ada: Person, bob: Person, shared: str, informed: None) -> Place:
    await ada.share(shared, bob=(bob, "viewer"))
    made = await ada.post(LINKS, url=URL, code="sale", workspace=shared)
    number = number_of(made["id"])
    assert number is not None
    return Place(f"{LINKS}/sale", made["id"], number, shared)
