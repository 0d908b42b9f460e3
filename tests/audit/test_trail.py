"""The audit log itself: what is in it stays as it is, for as long as it is kept."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from shortener.access.actors import COMMAND_LINE
from shortener.audit import listing
from shortener.audit.trail import Action, record
from shortener.settings.source import SettingsError
from shortener.stores.parts import DATABASE
from tests.audit.conftest import AUDIT, page_of
from tests.clicks.make import rows_of
from tests.conftest import changed, job_context
from tests.links.test_api import assert_problem
from tests.links.test_bad_input import cursor
from workers.main import SCHEDULE
from workers.retention import delete_expired_audit


def acting(database):
    """A session of the command line's."""
    return database.session(info={"actor": COMMAND_LINE})


async def write(database, *targets: str) -> None:
    """An entry for each, in as many transactions."""
    for target in targets:
        async with acting(database) as session, session.begin():
            record(session, Action.LINK_DELETED, target)


async def write_aged(database, *days: int) -> None:
    """Entries whose target is their age in days."""
    for n in days:
        await rows_of(
            database,
            "INSERT INTO audit_log (at, action, actor, target) "
            "VALUES (now() - make_interval(days => $1), 'x', 'y', $2)",
            n,
            str(n),
        )


async def targets(database) -> list[str]:
    return [target for (target,) in await rows_of(database, "SELECT target FROM audit_log ORDER BY id")]


async def test_an_entry_is_there_if_and_only_if_what_it_records_is_committed(database):
    await write(database, "link:abc")
    async with acting(database) as session:
        transaction = await session.begin()
        record(session, Action.LINK_DELETED, "link:never")
        await session.flush()
        await transaction.rollback()
    assert await targets(database) == ["link:abc"]


async def test_nothing_is_recorded_of_nobody(database):
    async with database.session() as session:
        with pytest.raises(KeyError):
            record(session, Action.LINK_DELETED, "link:abc")


async def test_what_comes_from_outside_breaks_no_line_and_is_not_long(database):
    async with acting(database) as session, session.begin():
        record(
            session, Action.KEY_CREATED, "a\r\nb", name="x\ny\x00\x1b\u2028\ud800z", long="x" * 5000, many=["a\nb"], n=1
        )
    [(target, details)] = await rows_of(database, "SELECT target, details FROM audit_log")
    assert target == "a\ufffd\ufffdb"
    name = "x\ufffdy\ufffd\ufffd\ufffd\ufffdz"
    assert details == {"n": 1, "long": "x" * 200, "many": ["a\ufffdb"], "name": name}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor = 'nobody'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "INSERT INTO audit_log (id, action, actor) OVERRIDING SYSTEM VALUE SELECT id, 'x', 'y' FROM audit_log "
        "ON CONFLICT (id) DO UPDATE SET actor = 'nobody'",
        "MERGE INTO audit_log USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    ],
)
@pytest.mark.parametrize("days", ["", "0", "1", "-100", "30"])
async def test_the_application_can_neither_change_nor_delete_an_entry(database, statement, days):
    await write(database, "link:abc")
    await write_aged(database, 29)
    before = await rows_of(database, "SELECT * FROM audit_log")
    async with database.driver_connection() as connection:
        await connection.execute("SELECT set_config('shortener.audit_days', $1, false)", days)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="audit log"):
            await connection.execute(statement)
        await connection.execute("RESET shortener.audit_days")
    assert await rows_of(database, "SELECT * FROM audit_log") == before


async def test_even_what_is_old_is_deleted_by_nobody_who_does_not_mean_it(database):
    await write_aged(database, 1000)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await rows_of(database, "DELETE FROM audit_log")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await rows_of(database, "UPDATE audit_log SET actor = 'nobody'")


async def test_the_upkeep_forgets_what_is_old_and_nothing_else(database, settings, monkeypatch):
    monkeypatch.setattr(listing, "_DELETED_AT_ONCE", 2)
    await write_aged(database, 0, 29, 30, 89, 90, 91, 364, 365, 366, 1000)
    ctx = job_context(settings, {DATABASE: database})
    assert await delete_expired_audit(ctx) == 3
    assert await targets(database) == ["0", "29", "30", "89", "90", "91", "364"]
    assert await delete_expired_audit(ctx) == 0
    ctx = job_context(changed(settings, audit_days=90), {DATABASE: database})
    assert await delete_expired_audit(ctx) == 3
    assert await targets(database) == ["0", "29", "30", "89"]


def test_the_worker_does_so_without_being_asked():
    assert delete_expired_audit in {job.coroutine for job in SCHEDULE}


def test_no_setting_forgets_what_the_table_refuses_to_delete(settings):
    with pytest.raises(SettingsError, match="SHORTENER_AUDIT_DAYS"):
        changed(settings, audit_days=29)


async def test_the_log_is_read_a_page_at_a_time_the_newest_first(client, database, admin):
    await write(database, *(f"link:{n}" for n in range(23)))
    page = await page_of(client, admin, limit=10)
    seen = [entry["target"] for entry in page["items"]]
    while page["next"]:
        page = (await client.get(page["next"], headers=admin)).json()
        seen += [entry["target"] for entry in page["items"]]
    assert [target for target in seen if target.startswith("link:")] == [f"link:{n}" for n in reversed(range(23))]


async def test_pages_stay_whole_while_others_write(client, database, admin):
    before = [f"link:{n}" for n in range(40)]
    await write(database, *before)
    stop = asyncio.Event()

    async def go_on(name: int) -> None:
        n = 0
        while not stop.is_set():
            await write(database, f"new:{name}-{n}")
            n += 1

    writing = [asyncio.create_task(go_on(name)) for name in range(3)]
    seen: list[str] = []
    path = f"{AUDIT}?limit=7&action=link.deleted"
    while path:
        page = (await client.get(path, headers=admin)).json()
        seen += [entry["target"] for entry in page["items"]]
        path = page["next"]
    stop.set()
    await asyncio.gather(*writing)
    assert len(seen) == len(set(seen))
    assert [target for target in seen if target in before] == before[::-1]
    assert len(await targets(database)) > len(before) + 10


async def test_the_log_is_searched_by_actor_action_target_and_time(client, database, admin):
    await write_aged(database, 3, 2, 1)
    await write(database, "link:a", "link:b")
    now = datetime.now(UTC)

    async def found(**query) -> list[str]:
        return [entry["target"] for entry in (await page_of(client, admin, **query))["items"]]

    assert await found(target="link:a") == ["link:a"]
    assert await found(actor="y") == ["1", "2", "3"]
    assert await found(action="link.deleted") == ["link:b", "link:a"]
    assert await found(action="link.deleted", target="link:c") == []
    moments = {"from": (now - timedelta(days=2, hours=1)).isoformat(), "to": (now - timedelta(hours=1)).isoformat()}
    assert await found(**moments) == ["1", "2"]
    day = (now - timedelta(days=2)).date().isoformat()
    assert await found(**{"from": day, "to": day}) == ["2"]
    page = await page_of(client, admin, actor="y", limit=2, **{"from": "2020-01-01"})
    assert [entry["target"] for entry in (await client.get(page["next"], headers=admin)).json()["items"]] == ["3"]


@pytest.mark.parametrize(
    "query",
    [{"action": "x"}, {"actor": "a\nb"}, {"target": ""}, {"from": "5"}, {"limit": 0}, {"to": "9999-01-01"}],
    ids=str,
)
async def test_what_cannot_be_searched_for_is_refused(client, admin, query):
    assert_problem(await client.get(AUDIT, params=query, headers=admin), 422, "invalid-request")


async def test_a_cursor_of_another_list_is_refused(client, admin):
    for forged in ("x", cursor(["clicks", ["2026-01-01T00:00:00Z", 1]]), cursor(["audit", ["2026-01-01T00:00:00Z"]])):
        assert_problem(await client.get(AUDIT, params={"cursor": forged}, headers=admin), 400, "invalid-cursor")


async def test_a_search_among_many_entries_uses_its_index(database):
    async with database.driver_connection() as connection:
        await connection.execute(
            "INSERT INTO audit_log (actor, action, target) SELECT 'user:' || i % 1000, 'a' || i % 50, 'link:' || i "
            "FROM generate_series(1, 20000) i"
        )
        await connection.execute("ANALYZE audit_log")
        for where in ("true", "actor = 'user:7'", "action = 'a7'", "target = 'link:7'"):
            plan = await connection.fetch(
                f"EXPLAIN SELECT * FROM audit_log WHERE {where} ORDER BY at DESC, id DESC LIMIT 51"
            )
            text = "\n".join(row[0] for row in plan)
            assert "Seq Scan" not in text, text


async def test_the_log_is_also_a_file_with_all_entries_that_match(client, admin, database):
    async with database.driver_connection() as connection:
        await connection.execute(
            "INSERT INTO audit_log (action, actor, target, details) "
            "SELECT 'link.changed', 'user:77', '=1+1', '{}' FROM generate_series(1, 300)"
        )
    answer = await client.get(AUDIT, params={"format": "csv", "actor": "user:77"}, headers=admin)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert len(rows) == 300
    # A program for tables does not take it for a formula.
    assert {row["target"] for row in rows} == {"'=1+1"}
