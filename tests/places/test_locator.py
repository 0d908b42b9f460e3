"""Where an address is, and the geo database that an operator replaces."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import timeit
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from shortener.places.geo_database import NOWHERE, Place
from shortener.places.locator import Locator, built_in
from shortener.places.metrics import GEO_DATABASE_BUILT_SECONDS, GEO_DATABASE_FAILURES
from shortener.places.shared_copy import shared_copy
from shortener.settings import Settings
from tests.conftest import changed, client_of, create_link, eventually, running_app
from tests.places.make import MUNICH, NETWORKS, record, write_database
from tests.workers.test_worker import worker

ADDRESS = "198.51.100.7"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "city.mmdb"
    write_database(path)
    return path


async def located(path: Path | None) -> Locator:
    locator = Locator(path)
    await locator.refresh()
    return locator


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("198.51.100.7", Place("DE", "Bavaria", "Munich")),
        ("203.0.113.127", Place("FR", "", "Lyon")),
        ("203.0.113.128", Place("BR", "", "")),
        ("2001:db8:1:2::3", Place("JP", "Tokyo", "Tokyo")),
        ("2001:DB8:1::", Place("JP", "Tokyo", "Tokyo")),
        ("2001:db8:1:2::3%eth0", Place("JP", "Tokyo", "Tokyo")),
        ("::ffff:198.51.100.7", Place("DE", "Bavaria", "Munich")),
        ("::ffff:c633:6407", Place("DE", "Bavaria", "Munich")),
        ("64:ff9b::198.51.100.7", Place("DE", "Bavaria", "Munich")),
        ("2002:c633:6407::1", Place("DE", "Bavaria", "Munich")),
        ("192.0.2.1", NOWHERE),
        ("8.8.8.8", NOWHERE),
        ("2001:db8:2::1", NOWHERE),
        ("127.0.0.1", NOWHERE),
        ("::1", NOWHERE),
        ("", NOWHERE),
        ("unknown", NOWHERE),
        ("198.51.100.7:443", NOWHERE),
        ("198.51.100.999", NOWHERE),
    ],
)
async def test_an_address_is_where_the_operators_file_says(path: Path, address: str, place: Place) -> None:
    assert (await located(path)).locate(address) == place


async def test_without_a_file_the_country_comes_from_built_in_data() -> None:
    locator = await located(None)
    assert locator.locate("193.0.6.139") == built_in("193.0.6.139") == Place("NL", "", "")
    assert locator.locate("::ffff:193.0.6.139") == Place("NL", "", "")
    assert not locator.has_cities


async def test_a_file_of_countries_has_no_cities(path: Path) -> None:
    assert (await located(path)).has_cities
    write_database(path, {"198.51.100.0/24": record("DE")})
    locator = await located(path)
    assert not locator.has_cities
    assert locator.locate(ADDRESS) == Place("DE")


async def test_a_file_of_ipv4_addresses_says_nothing_about_others(path: Path) -> None:
    write_database(path, {"198.51.100.0/24": MUNICH}, ip_version=4)
    locator = await located(path)
    assert locator.locate("::ffff:198.51.100.7").city == "Munich"
    assert locator.locate("2001:db8:1::1") == NOWHERE


@pytest.mark.parametrize(
    "odd",
    [
        {"country": {"iso_code": "Germany"}},
        {"country": {"iso_code": "de"}},
        {"country": {"iso_code": 49}},
        {"country": "DE"},
        {"country": {}, "city": {"names": {"de": "Muenchen"}}, "subdivisions": []},
        {"city": "Munich", "subdivisions": {"names": {"en": "Bavaria"}}},
        "Germany",
        ["DE"],
    ],
)
async def test_a_record_of_another_shape_says_nothing(path: Path, odd: object) -> None:
    write_database(path, NETWORKS | {"198.51.100.0/24": odd})
    locator = await located(path)
    assert locator.locate(ADDRESS) == NOWHERE
    assert locator.locate("203.0.113.1").city == "Lyon"


async def test_a_replaced_file_is_read_again_and_forgets_what_was_looked_up(path: Path) -> None:
    locator = await located(path)
    assert locator.locate(ADDRESS).country == "DE"
    following = asyncio.create_task(locator.run())
    write_database(path, {"198.51.100.0/24": record("AT", "Vienna", "Vienna")})
    await eventually(lambda: locator.locate(ADDRESS) == Place("AT", "Vienna", "Vienna"))
    following.cancel()


def broken(whole: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "half": whole[: len(whole) // 2],
        "all but the last byte": whole[:-1],
        "only the end": whole[-200:],
        "text": b"<html>404</html>",
    }


@pytest.mark.parametrize("how", broken(b""))
async def test_a_broken_file_is_logged_once_and_the_old_one_stays(path: Path, how: str) -> None:
    locator = await located(path)
    failures = GEO_DATABASE_FAILURES._value.get()
    path.write_bytes(broken(path.read_bytes())[how])
    with capture_logs() as logs:
        for _ in range(3):
            await locator.refresh()
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("geo_database_unusable", "error")]
    assert GEO_DATABASE_FAILURES._value.get() == failures + 1
    assert locator.locate("203.0.113.1").city == "Lyon"
    assert locator.has_cities
    write_database(path, {"203.0.113.0/24": record("IT", "", "Rome")})
    await locator.refresh()
    assert locator.locate("203.0.113.1").city == "Rome"


async def test_a_database_about_something_else_is_refused(path: Path) -> None:
    write_database(path, {"198.51.100.0/24": {"autonomous_system_number": 64500}})
    with capture_logs() as logs:
        locator = await located(path)
    assert "has no countries" in logs[0]["error"]
    assert locator.locate("193.0.6.139") == Place("NL")


async def test_a_file_that_is_missing_at_the_start_is_logged_and_read_when_it_comes(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    with capture_logs() as logs:
        locator = await located(path)
    assert [entry["event"] for entry in logs] == ["geo_database_unusable"]
    assert locator.locate("193.0.6.139") == Place("NL")
    path.with_name("elsewhere").rename(path)
    await locator.refresh()
    assert locator.locate(ADDRESS).city == "Munich"


_READS_ON = """
import asyncio, pathlib, sys
from shortener.places.locator import Locator

async def read_on(path):
    locator = Locator(path)
    await locator.refresh()
    path.write_bytes(b"")
    print(*(locator.locate(address).country for address in sys.argv[2:]))

asyncio.run(read_on(pathlib.Path(sys.argv[1])))
"""


def test_a_file_that_is_written_in_place_kills_no_reader(path: Path) -> None:
    """The system kills a process that reads a mapped file behind its new end."""
    argv = [sys.executable, "-c", _READS_ON, str(path), ADDRESS, "203.0.113.1"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "DE FR\n")


async def test_a_file_that_changes_while_it_is_copied_is_copied_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copyfileobj

    def copy_slowly(source: Any, target: Any, *args: Any) -> None:
        copy(source, target, *args)
        os.utime(path)

    monkeypatch.setattr(shutil, "copyfileobj", copy_slowly)
    with capture_logs() as logs:
        locator = await located(path)
    assert "changed while it was read" in logs[0]["error"]
    monkeypatch.undo()
    await locator.refresh()
    assert locator.locate(ADDRESS).city == "Munich"


async def test_processes_share_one_copy_and_none_is_left_of_older_files(path: Path) -> None:
    with shared_copy(path) as copy:
        first = copy.stat().st_ino
        assert copy.read_bytes() == path.read_bytes()
        assert copy.parent.stat().st_mode & 0o077 == 0
    with shared_copy(path) as copy:
        assert copy.stat().st_ino == first
    write_database(path, {"198.51.100.0/24": record("AT")})
    with shared_copy(path) as copy:
        assert list(copy.parent.iterdir()) == [copy]
        assert copy.read_bytes() == path.read_bytes()


async def test_a_folder_that_others_can_write_to_is_not_used(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with shared_copy(path) as copy:
        folder = copy.parent
    folder.chmod(0o777)
    with pytest.raises(PermissionError), shared_copy(path):
        pass
    shutil.rmtree(folder)
    (tmp_path / "real").mkdir()
    folder.symlink_to(tmp_path / "real")
    with pytest.raises(PermissionError), shared_copy(path):
        pass


async def test_an_address_is_located_fast(path: Path) -> None:
    locator = await located(path)
    assert min(timeit.repeat(lambda: locator.locate(ADDRESS), number=1000, repeat=20)) / 1000 < 0.5e-6
    others = [f"198.51.100.{n}" for n in range(256)] + [f"2001:db8:1::{n:x}" for n in range(256)]

    def look_up_all() -> None:
        locator._remembered.cache_clear()
        for address in others:
            locator.locate(address)

    assert min(timeit.repeat(look_up_all, number=1, repeat=20)) / len(others) < 30e-6


async def test_the_date_of_the_file_in_use_is_a_metric(path: Path) -> None:
    locator = await located(path)
    built_at_s = GEO_DATABASE_BUILT_SECONDS.labels("city.mmdb")._value.get()
    assert abs(built_at_s - path.stat().st_mtime) < 60
    assert locator.has_cities


async def test_the_figures_of_a_click_that_a_web_process_wrote_show_the_country_of_the_file(
    settings: Settings, client: httpx.AsyncClient, path: Path
) -> None:
    code = (await create_link(client))["code"]
    without_redis = changed(settings, redis_url="redis://127.0.0.1:1", geo_database=path)
    async with running_app(without_redis) as app, client_of(app, ADDRESS) as visitor:
        assert (await visitor.get(f"/{code}")).status_code == 302
    assert await countries(client, code) == {"DE": 1}


async def test_the_figures_of_a_click_that_a_worker_wrote_show_the_country_of_the_file(
    settings: Settings, app: FastAPI, client: httpx.AsyncClient, path: Path
) -> None:
    """The file comes while the worker runs."""
    code = (await create_link(client))["code"]
    path.rename(path.with_name("elsewhere"))
    async with client_of(app, ADDRESS) as visitor, worker(changed(settings, geo_database=path)):
        path.with_name("elsewhere").rename(path)

        async def is_found() -> bool:
            assert (await visitor.get(f"/{code}")).status_code == 302
            return "DE" in await countries(client, code)

        await eventually(is_found, within_s=10, every_s=0.3)


async def countries(client: httpx.AsyncClient, code: str) -> dict[str, int]:
    stats = (await client.get(f"/api/v1/links/{code}/stats")).json()
    return {country["value"]: country["clicks"] for country in stats["countries"]}
