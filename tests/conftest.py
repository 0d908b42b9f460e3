"""Real servers for every test: each test process starts its own PostgreSQL and Valkey with the product's own code."""

import asyncio
import contextlib
import gc
import inspect
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import asyncpg
import httpx
import hypothesis
import pytest
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from redis.asyncio import Redis

from shortener.clicks.stream import ClickStream, Sealer
from shortener.hashing import passwords
from shortener.main import create_app
from shortener.parts import Part, Parts
from shortener.processes.embedded.data_directory import DataDirectory, run_directory
from shortener.processes.embedded.postgres import EmbeddedPostgres
from shortener.processes.embedded.valkey import EmbeddedValkey
from shortener.processes.supervisor import Supervisor
from shortener.settings import Settings, load_settings
from shortener.settings.source import variable
from shortener.stores.database import Database
from shortener.stores.migration import upgrade
from shortener.stores.redis import create_redis
from tests.commands import run_here
from tests.http.documented import check_documented
from workers.clicks import Drain

pytest_plugins = ["tests.browsing", "tests.standstills"]

# The duration of an example depends mostly on the machine's other work.
hypothesis.settings.register_profile("shortener", deadline=None)
hypothesis.settings.load_profile("shortener")


def pytest_configure() -> None:
    """Imports leave hardly any garbage."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests begin early: at the end all workers are busy."""
    long = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish() -> None:
    """Modules and collected tests stay until the end. Otherwise each full collection would look through all of them."""
    gc.freeze()
    gc.enable()


SECRET = "a secret for tests, which is long enough"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


async def _administer(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(host=url.partition("host=")[2], user="shortener", database="postgres")


async def _trust_the_machine(url: str) -> None:
    """Nothing here outlives the server; what must survive a crash is tested with servers of its own."""
    admin = await _administer(url)
    await admin.execute("ALTER SYSTEM SET fsync = off")
    await admin.execute("SELECT pg_reload_conf()")
    await admin.close()


# As much as many test processes need at once.
_MANY_DATABASES_BYTES = 4 * 2**30


class Servers(NamedTuple):
    """`template_url` is a migrated database that each test gets a copy of."""

    template_url: str
    redis_url: str


class _ServerThread(Thread):
    """The servers' supervisor, on an event loop that outlives those of single tests."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._serving: asyncio.Future[Servers] = self._loop.create_future()

    def run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        supervisor = Supervisor()
        data = DataDirectory(self._folder).lock()
        with run_directory(data) as run_dir:
            postgres, valkey = EmbeddedPostgres(data.path, run_dir), EmbeddedValkey(data.path, run_dir)
            try:
                await supervisor.start(postgres.prepare(), valkey.prepare())
                await asyncio.to_thread(upgrade, postgres.url)
                await _trust_the_machine(postgres.url)
                self._serving.set_result(Servers(postgres.url, valkey.url))
                await self._ending.wait()
            except BaseException as error:
                if not self._serving.done():
                    self._serving.set_exception(error)
                raise
            finally:
                await supervisor.stop()

    def servers(self) -> Servers:
        async def wait() -> Servers:
            return await asyncio.shield(self._serving)

        self.start()
        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result(60)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self.join(60)


def _quickest_place() -> Path | None:
    """Memory, where there is plenty: each test makes and drops a database, which is hundreds of files."""
    memory = Path("/dev/shm")
    is_usable = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _MANY_DATABASES_BYTES
    return memory if is_usable else None


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with tempfile.TemporaryDirectory(dir=_quickest_place()) as folder:
        thread = _ServerThread(Path(folder))
        yield thread.servers()
        thread.end()


@pytest.fixture(autouse=True)
def _cheap_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed by the product's own code with the least argon2 can do, except where a test is about the
    price: otherwise many tests would wait for hashes."""
    if request.node.get_closest_marker("real_hashes") is None:
        cheap = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
        monkeypatch.setattr(passwords, "HASHER", PasswordHash((cheap,)))
        for name, value in (("TIME_COST", 1), ("MEMORY_KIB", 8), ("PARALLELISM", 1)):
            monkeypatch.setattr(passwords, name, value)


@contextlib.asynccontextmanager
async def own_database(servers: Servers) -> AsyncIterator[str]:
    """The URL of a new database, with this version's schema."""
    name = f"test_{uuid.uuid4().hex}"
    admin = await _administer(servers.template_url)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE shortener STRATEGY file_copy")
    yield servers.template_url.replace("/shortener?", f"/{name}?")
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def database_url(servers: Servers) -> AsyncIterator[str]:
    """A database of the test's own."""
    async with own_database(servers) as url:
        yield url


@pytest.fixture
async def redis(servers: Servers) -> AsyncIterator[Redis]:
    """An empty Redis."""
    client = create_redis(servers.redis_url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def settings(database_url: str, servers: Servers, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings for the test's own servers; limits are off, and waiting for Redis is patient."""
    for name in [name for name in os.environ if name.startswith("SHORTENER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("shortener.stores.redis.CONNECT_TIMEOUT_S", 20.0)
    monkeypatch.setattr("shortener.stores.redis.SOCKET_TIMEOUT_S", 20.0)
    return plain_settings(database_url, servers.redis_url)


def plain_settings(database_url: str, redis_url: str) -> Settings:
    """Those of `settings`, on these servers."""
    return load_settings(
        database_url=database_url,
        redis_url=redis_url,
        secret_key=SECRET,
        base_url="https://sho.rt",
        redis_timeout_ms=10_000,
        limit_api="off",
        limit_redirect="off",
        limit_miss="off",
        limit_account="off",
        limit_login="off",
        anonymous_links=True,
        anonymous_link_days=0,
        anonymous_manage=True,
        log_level="warning",
    )


def changed(settings: Settings, **changes: Any) -> Settings:
    """The same settings but for these."""
    return load_settings(**{name: getattr(settings, name) for name in Settings.model_fields} | changes)


def job_context(settings: Settings, opened: Mapping[Part[Any], Any]) -> dict[str, Any]:
    """What a job of the worker is given, with these parts open."""
    parts = Parts(settings)
    for part, thing in opened.items():
        parts[part] = thing
    return {"parts": parts}


@contextlib.asynccontextmanager
async def running_app(settings: Settings) -> AsyncIterator[FastAPI]:
    """An app between its start and its end."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


def client_of(app: FastAPI, address: str = "203.0.113.7", **options: Any) -> httpx.AsyncClient:
    """A client that seems to come from this address. A problem that the OpenAPI document does not name fails the
    test."""
    transport = httpx.ASGITransport(app=app, client=(address, 50000), raise_app_exceptions=False)
    headers = {"User-Agent": CHROME} | options.pop("headers", {})
    hooks = {"response": [check_documented]}
    return httpx.AsyncClient(
        transport=transport,
        base_url=app.state.parts.settings.base_url,
        headers=headers,
        event_hooks=hooks,
        **options,
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    async with running_app(settings) as app:
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings)
    yield database
    await database.close()


@pytest.fixture
async def drain(database: Database, redis: Redis) -> Callable[[], Any]:
    """Write all clicks that are in the stream; returns their number."""

    async def run() -> int:
        drain = Drain(ClickStream(redis, Sealer(SECRET)), database, "test")
        return await drain.run_until_empty()

    return run


@pytest.fixture
def shortener(settings: Settings, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs a command as an operator does; gives its exit code, and what it has printed."""
    environment = {
        variable("data_dir"): str(tmp_path),
        variable("database_url"): settings.database_url,
        variable("redis_url"): settings.redis_url,
    }

    def run(*arguments: str, stdin: str = "") -> tuple[int, str]:
        said = run_here(arguments, stdin, environment)
        return said.status, said.out.decode() + said.err

    return run


async def create_link(client: httpx.AsyncClient, url: str = "https://example.com/", **fields: Any) -> dict[str, Any]:
    """A new link, as the API gives it."""
    answer = await client.post("/api/v1/links", json={"url": url, **fields})
    assert answer.status_code == 201, answer.text
    link: dict[str, Any] = answer.json()
    return link


async def eventually(check: Callable[[], Any], within_s: float = 5.0, every_s: float = 0.02) -> Any:
    """What `check` (plain or async) gives as soon as that is true; fails when the deadline passes before."""
    deadline_s = time.monotonic() + within_s
    while True:
        found = check()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline_s, f"not within {within_s:g} s, at last: {found!r}"
        await asyncio.sleep(every_s)
