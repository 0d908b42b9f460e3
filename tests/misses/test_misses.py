"""What clients asked for and did not exist, from the request to the list of the admin."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from shortener.accounts.commands import create_key, create_user
from shortener.clicks.stream import Sealer
from shortener.misses.metrics import MISSES_LOST
from shortener.misses.parts import MISS_STREAM, MISSES
from shortener.misses.samples import make_misses
from shortener.misses.stream import MAX_BATCHES, STREAM, MissStream
from shortener.places.locator import Locator
from shortener.places.parts import LOCATOR
from shortener.settings import Settings
from shortener.stores.parts import DATABASE
from tests.clicks.make import rows_of
from tests.conftest import CHROME, SECRET, changed, client_of, create_link, job_context, running_app
from tests.links.test_api import assert_problem
from workers.misses import forget_misses, store_misses

MISSES_PATH = "/api/v1/admin/misses"
PATHS, SINGLES = 20, 30


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With bounds that a test reaches soon, and without a page at the root."""
    return changed(settings, home="none", misses_paths=PATHS, misses_singles=SINGLES)


@pytest.fixture
async def admin(app: FastAPI, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """An admin's client."""
    await create_user(settings, "root@example.com", None, is_admin=True)
    key = await create_key(settings, "root@example.com", "admin", [], None, None)
    async with client_of(app, headers={"X-API-Key": key}) as client:
        yield client


@pytest.fixture
def context(settings, database, redis) -> dict[str, Any]:
    parts = {DATABASE: database, MISS_STREAM: MissStream(redis, Sealer(SECRET)), LOCATOR: Locator(None)}
    return job_context(settings, parts)


@pytest.fixture
def store(app: FastAPI, context):
    """Write what was counted."""

    async def run() -> None:
        assert await app.state.parts[MISSES].flush()
        await store_misses(context)

    return run


async def listed(admin, path: str = MISSES_PATH, **query: Any) -> dict[str, Any]:
    answer = await admin.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def counts(admin, **query: Any) -> list[tuple[str, str, int]]:
    return [(item["path"], item["kind"], item["count"]) for item in (await listed(admin, **query))["items"]]


async def test_codes_the_root_and_other_paths_that_do_not_exist_are_counted(client, admin, store):
    await create_link(client, code="abc")
    asked = {"/nothing": 4, "/": 3, "/wp-login.php": 2, "/abc/behind": 1}
    for path, count in asked.items():
        for _ in range(count):
            assert (await client.get(path)).status_code == 404
    for path in ("/abc", "/robots.txt", "/health/live", "/api/v1/links/nothing", "/static/vendor/nothing.js"):
        await client.get(path)
    await store()
    found = await listed(admin)
    assert (found["total"], found["other"]) == (10, 0)
    assert await counts(admin) == [
        ("/nothing", "code", 4), ("/", "root", 3), ("/wp-login.php", "path", 2), ("/abc/behind", "path", 1),
    ]  # fmt: skip
    for kind, total in (("code", 4), ("root", 3), ("path", 3)):
        assert (await listed(admin, kind=kind))["total"] == total
        assert {found[1] for found in await counts(admin, kind=kind)} == {kind}


async def test_every_way_to_ask_for_a_code_is_counted_under_the_code(client, admin, store):
    for path in ("/nothing", "/nothing+", "/nothing?a=b", "/nothing.", "/nothing_", "/nothing.qr"):
        assert (await client.get(path)).status_code == 404
    assert (await client.head("/nothing")).status_code == 404
    await store()
    assert await counts(admin) == [("/nothing", "code", 7)]


async def test_a_single_miss_is_described_as_a_click_is_and_says_nothing_of_its_address(client, admin, store, database):
    headers = {"Referer": "https://user:secret@www.news.example/a?b=c#d", "User-Agent": CHROME}
    await client.get("/nothing?token=secret", headers=headers)
    await client.get("/old/page", headers={"User-Agent": "curl/8"})
    await store()
    page, code = (await listed(admin, f"{MISSES_PATH}/list"))["items"]
    assert (page["path"], page["kind"], page["bot"]) == ("/old/page", "path", "crawler")
    assert code.pop("at").startswith(f"{datetime.now(UTC):%Y-%m-%d}")
    assert code == {
        "kind": "code",
        "path": "/nothing",
        "country": "",
        "referrer": "https://www.news.example/a?b=c",
        "browser": "Chrome",
        "system": "Windows",
        "device": "Desktop",
        "user_agent": CHROME,
        "bot": None,
    }
    for table in ("misses", "miss_paths", "miss_days"):
        kept = str(await rows_of(database, f"SELECT t::text FROM {table} AS t"))
        assert "203.0.113" not in kept
        assert "secret" not in kept


async def test_no_address_of_a_miss_is_readable_in_redis(client, app, redis):
    await client.get("/nothing")
    await app.state.parts[MISSES].flush()
    [(_, fields)] = await redis.xrange(STREAM)
    assert b"203.0.113.7" not in b"".join(fields.values())
    assert b"nothing" not in b"".join(fields.values())


async def test_paths_are_kept_as_they_were_sent_in_printable_ascii_and_cut(client, admin, store):
    for path in ("/%00%0d%0a\u202e<script>", "/ü/%C3%BC", f"/x/{'a' * 1000}"):
        await client.get(path)
    await store()
    found = [path for path, *_ in await counts(admin)]
    assert all(path.isascii() and path.isprintable() and len(path) <= 200 for path in found)
    assert "/%00%0d%0a%E2%80%AE%3Cscript%3E" in found


async def test_a_scanner_fills_neither_tables_nor_the_stream_and_the_totals_stay_exact(
    client, admin, app, context, database, redis
):
    asked = 0
    for round_ in range(6):
        for n in range(150):
            await client.get(f"/scan/{round_}/{n}.php")
            asked += 1
            if n % 5 == 0:
                await client.get("/wp-login.php")
                asked += 1
        await app.state.parts[MISSES].flush()
        await store_misses(context)
    for table, bound in (("miss_paths", PATHS), ("misses", SINGLES), ("miss_days", 1)):
        assert await rows_of(database, f"SELECT count(*) FROM {table}") == [(bound,)]
    assert await redis.xlen(STREAM) == 0
    found = await listed(admin, limit=100)
    assert found["total"] == asked
    assert found["other"] == asked - sum(item["count"] for item in found["items"])
    path, kind, count = (await counts(admin))[0]
    # It is counted one by one but for the time before it was known to be frequent.
    assert (path, kind) == ("/wp-login.php", "path")
    assert 180 - asked // PATHS <= count <= 180


async def test_without_a_worker_the_stream_stays_short_and_nothing_is_lost(client, app, context, database, redis):
    counter = app.state.parts[MISSES]
    for _ in range(MAX_BATCHES):
        await client.get("/nothing")
        assert await counter.flush()
    for _ in range(5):
        await client.get("/nothing")
        assert not await counter.flush()
    assert await redis.xlen(STREAM) == MAX_BATCHES
    await store_misses(context)
    assert await counter.flush()
    await store_misses(context)
    assert await rows_of(database, "SELECT code FROM miss_days") == [(MAX_BATCHES + 5,)]


async def test_a_batch_that_comes_twice_is_counted_once(client, app, context, database, redis):
    await client.get("/nothing")
    await app.state.parts[MISSES].flush()
    [(_, fields)] = await redis.xrange(STREAM)
    await redis.xadd(STREAM, fields)
    await store_misses(context)
    assert await redis.xlen(STREAM) == 0
    assert await rows_of(database, "SELECT code, (SELECT count(*) FROM misses) FROM miss_days") == [(1, 1)]


async def test_a_batch_that_cannot_be_read_stops_no_other(client, app, context, database, redis):
    lost = MISSES_LOST.labels("sealed_otherwise")._value.get()
    await redis.xadd(STREAM, {b"id": bytes(16), b"box": b"nothing"})
    await client.get("/nothing")
    await app.state.parts[MISSES].flush()
    await store_misses(context)
    assert await rows_of(database, "SELECT code FROM miss_days") == [(1,)]
    assert MISSES_LOST.labels("sealed_otherwise")._value.get() == lost + 1


async def test_the_last_misses_are_sent_when_the_process_ends(settings, context, database):
    async with running_app(settings) as app, client_of(app) as client:
        await client.get("/nothing")
    await store_misses(context)
    assert await rows_of(database, "SELECT code FROM miss_days") == [(1,)]


async def test_refused_clients_miss_nothing(settings, context, database):
    async with running_app(changed(settings, limit_miss="3/minute")) as app, client_of(app) as client:
        for n in range(6):
            await client.get(f"/nothing{n}")
    await store_misses(context)
    assert await rows_of(database, "SELECT code FROM miss_days") == [(3,)]


async def test_old_days_are_forgotten_and_no_others(client, store, context, database):
    for path in ("/nothing", "/old.php"):
        await client.get(path)
    await store()
    for table in ("misses", "miss_paths", "miss_days"):
        columns = [name for (name,) in await rows_of(
            database, "SELECT column_name FROM information_schema.columns WHERE table_name = $1 "
            "AND column_name NOT IN ('day', 'id')", table,
        )]  # fmt: skip
        names = ", ".join(columns)
        for days in (30, 31):
            await rows_of(
                database, f"INSERT INTO {table} (day, {names}) SELECT day - {days}, {names} FROM {table} "
                "WHERE day = (now() AT TIME ZONE 'UTC')::date",
            )  # fmt: skip
    await forget_misses(context)
    today = datetime.now(UTC).date()
    for table in ("misses", "miss_paths", "miss_days"):
        days = await rows_of(database, f"SELECT DISTINCT day FROM {table} ORDER BY 1")
        assert days == [(today - timedelta(days=30),), (today,)]


async def test_misses_of_some_days_are_summed_up(client, admin, store, database):
    for _ in range(2):
        await client.get("/nothing")
    await store()
    await rows_of(database, "INSERT INTO miss_days SELECT day - 1, 5, 0, 0, 0 FROM miss_days")
    await rows_of(
        database, "INSERT INTO miss_paths SELECT day - 1, kind, path, 4, 1, last_at - interval '1 day' FROM miss_paths"
    )
    today, yesterday = (f"{datetime.now(UTC).date() - timedelta(days=n)}" for n in (0, 1))
    for query, total, count in (
        ({}, 7, 5),
        ({"from": today}, 2, 2),
        ({"to": yesterday}, 5, 3),
        ({"from": yesterday, "to": today}, 7, 5),
    ):
        found = await listed(admin, **query)
        assert (found["total"], found["other"], found["items"][0]["count"]) == (total, total - count, count)
        singles = (await listed(admin, f"{MISSES_PATH}/list", **query))["items"]
        assert len(singles) == (0 if query.get("to") == yesterday else 2)


async def test_the_lists_have_pages(client, admin, store):
    for n in range(5):
        for again in range(n % 2 + 1):
            # Two misses of one path may fall into one millisecond.
            await client.get(f"/nothing{n}", headers={"Referer": f"https://example.com/{again}"})
    await store()
    for path, total in ((MISSES_PATH, 5), (f"{MISSES_PATH}/list", 7)):
        found, place = [], f"{path}?limit=2"
        while place:
            page = (await admin.get(place)).json()
            found += [str(item) for item in page["items"]]
            place = page["next"]
        assert len(found) == total
        assert len(set(found)) == len(found)
        second = (await admin.get((await listed(admin, path, limit=2))["next"])).json()
        back = (await admin.get(second["previous"])).json()
        assert [str(item) for item in back["items"]] == found[:2]


async def test_only_admins_see_misses_and_parameters_are_checked(client, admin):
    for path in (MISSES_PATH, f"{MISSES_PATH}/list"):
        assert_problem(await admin.get(path, params={"kind": "none"}), 422, "invalid-request")
        assert_problem(await admin.get(path, params={"from": "yesterday"}), 422, "invalid-request")
        assert_problem(await admin.get(path, params={"cursor": "x"}), 400, "invalid-cursor")
        assert_problem(await client.get(path), 401, "authentication-required")


async def test_the_command_shows_the_most_frequent_paths(client, store, shortener):
    for _ in range(3):
        await client.get("/nothing")
    await client.get("/[bold]x.php")
    await store()
    status, said = shortener("misses", "--limit", "2")
    assert status == 0
    assert "4 on all days that are kept" in said
    lines = [line.split() for line in said.splitlines() if line.lstrip().startswith("/")]
    assert [line[:3] for line in lines] == [["/nothing", "code", "3"], ["/[bold]x.php", "path", "1"]]
    status, said = shortener("misses", "--limit", "1", "--json")
    found = json.loads(said)
    [item] = found.pop("items")
    assert (status, found, item["path"], item["count"]) == (0, {"total": 4, "other": 0}, "/nothing", 3)


async def test_made_up_misses_agree_with_their_totals(database):
    async with database.driver_connection() as connection:
        await make_misses(connection, Random(1), 3, 1000, 1000)
    [(days, total)] = await rows_of(database, "SELECT count(*), sum(code + root + path)::bigint FROM miss_days")
    assert (days, total > 100) == (3, True)
    for sql in ("SELECT sum(count)::bigint FROM miss_paths WHERE error = 0", "SELECT count(*) FROM misses"):
        assert await rows_of(database, sql) == [(total,)]
    assert len(await rows_of(database, "SELECT DISTINCT kind FROM misses")) == 3
