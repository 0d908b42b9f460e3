"""Settings that the first start fixes: what a later start with another value says, whichever way it comes."""

import asyncio
import signal

import pytest
from alembic import command

from shortener.stores.database import Database
from shortener.stores.fixed_settings import SettingIsFixed, compare_settings, fix_settings
from shortener.stores.migration import alembic_config, upgrade
from tests.commands import run_apart, run_here
from tests.conftest import SECRET, changed, running_app
from tests.e2e.product import free_port
from tests.migrating import database_before

WHY = "SHORTENER_CODE_CASE is sensitive, but this database has insensitive since 20"
ADVICE = "Set SHORTENER_CODE_CASE=insensitive, or use an empty database."


@pytest.fixture
def other(settings):
    return changed(settings, code_case="insensitive")


async def test_the_first_start_fixes_the_setting_and_later_ones_need_the_same(settings, other, database):
    async with running_app(other):
        pass
    async with running_app(other):
        pass
    with pytest.raises(SettingIsFixed) as raised:
        async with running_app(settings):
            pass
    assert str(raised.value).startswith(WHY)
    assert "The first start fixes this setting: " in str(raised.value)
    assert str(raised.value).endswith(ADVICE)


async def test_of_processes_that_start_at_once_with_different_values_one_value_wins(settings, other, database):
    starts = [fix_settings(database, each) for each in (settings, other) * 5]
    outcomes = await asyncio.gather(*starts, return_exceptions=True)
    assert sorted(outcome is None for outcome in outcomes) == [False] * 5 + [True] * 5
    assert all(outcome is None or isinstance(outcome, SettingIsFixed) for outcome in outcomes)


async def test_to_compare_fixes_nothing(settings, other, database):
    await compare_settings(database, settings)
    await fix_settings(database, other)


@pytest.mark.parametrize("arguments", [("web",), ("worker",), ("shorten", "https://example.com/"), ("seed",)])
async def test_every_command_says_in_one_line_what_to_set(arguments, settings, other, database):
    await fix_settings(database, other)
    environment = {
        "SHORTENER_DATABASE_URL": settings.database_url,
        "SHORTENER_REDIS_URL": settings.redis_url,
        "SHORTENER_SECRET_KEY": SECRET,
        "SHORTENER_PORT": str(free_port()),
    }
    serves = arguments[0] in ("web", "worker")
    done = await asyncio.to_thread(run_apart if serves else run_here, arguments, "", environment)
    assert done.status == 1
    # Each of several processes says it.
    said = {line for line in done.err.splitlines() if "SHORTENER" in line}
    assert len(said) == 1, done.err
    assert said.pop().startswith(f"shortener: {WHY}")
    assert "Traceback" not in done.err


async def test_the_doctor_names_a_setting_that_was_changed(shortener, other, database):
    _, said = shortener("doctor")
    assert "ok    first start" in said
    await fix_settings(database, other)
    code, said = shortener("doctor")
    assert code == 1
    assert f"fail  first start {WHY}" in said
    assert f"→ {ADVICE}" in said


async def test_a_service_that_starts_without_its_database_compares_later_and_ends_itself(settings, other, database):
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    try:
        async with database.driver_connection() as connection:
            await connection.execute("ALTER TABLE fixed_settings RENAME TO not_there")
            async with running_app(settings), running_app(other):
                assert not told.is_set()
                await connection.execute("INSERT INTO not_there (name, value) VALUES ('code_case', 'insensitive')")
                await connection.execute("ALTER TABLE not_there RENAME TO fixed_settings")
                await asyncio.wait_for(told.wait(), 5)
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)


async def test_a_database_that_has_links_already_goes_on_with_regard_to_case(servers, settings, other):
    async with database_before(servers, "20261126_03") as before:
        await before.connection.execute("INSERT INTO links (code, url) VALUES ('Sale', 'https://example.com/')")
        await asyncio.to_thread(upgrade, before.url)
        database = Database(changed(settings, database_url=before.url))
        await fix_settings(database, settings)
        with pytest.raises(SettingIsFixed):
            await fix_settings(database, other)
        await database.close()
        await asyncio.to_thread(command.downgrade, alembic_config(before.url), "20261126_03")
        await asyncio.to_thread(upgrade, before.url)


async def test_an_empty_database_leaves_the_choice_to_its_first_start(servers, settings, other):
    async with database_before(servers, "20261126_03") as before:
        await asyncio.to_thread(upgrade, before.url)
        database = Database(changed(settings, database_url=before.url))
        await fix_settings(database, other)
        await database.close()
