"""Which passwords are good enough, and what hashing them costs."""

import asyncio
import os
import sys
import threading
import time
from statistics import median
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from shortener.accounts import commands, passwords
from shortener.accounts.passwords import Passwords, WeakPassword, check_password
from shortener.errors import ServiceUnavailable
from shortener.event_loop.bounded_threads import LOWEST_PRIORITY
from shortener.hashing import passwords as hashing
from shortener.hashing.passwords import PARALLEL_HASHES
from tests.accounts.conftest import AUTH, EMAIL, ME, PASSWORD, log_in, register
from tests.conftest import changed, client_of, eventually, running_app
from tests.links.test_api import assert_problem
from tests.serving import PATIENCE_S, serving

COMMON = "too common"
WEAK = [
    ("short", "fewer than 12"),
    ("elevenchars", "fewer than 12"),
    ("aaaaaaaaaaaaaaaa", "different"),
    ("abcabcabcabcabc", "different"),
    ("Password1234!", COMMON),
    ("PASSWORDPASSWORD", COMMON),
    ("p@ssw0rd2026!!", COMMON),
    ("!!!Sunshine2026", COMMON),
    ("qwertyuiopasdf", COMMON),
    ("zyxwvutsrqponm", COMMON),
    ("123456789012345", COMMON),
    ("9876543210987", COMMON),
    ("Correct Horse Battery Staple", COMMON),
    ("1qaz2wsx3edc", COMMON),
    ("iloveyouiloveyou", COMMON),
    ("sunshine-dragon-77", COMMON),
    ("Monkey99Football!", COMMON),
    ("welc0me.dr4gon.h3llo", COMMON),
    ("password1qaz2wsx3edc", COMMON),
]


@pytest.mark.parametrize(("password", "says"), WEAK)
def test_a_password_that_is_tried_first_is_refused(password, says):
    with pytest.raises(WeakPassword, match=says):
        check_password(password, "nobody@example.com", "/password")


def test_the_name_of_the_address_is_no_part_of_a_password():
    with pytest.raises(WeakPassword, match="email"):
        check_password("this is lovelace", "lovelace@example.com", "/password")
    check_password("this is lovelace", "ada@example.com", "/password")


@pytest.mark.parametrize(
    "password",
    [
        "mauve giraffe cycles",
        "ünïcödé pässwörd",
        "Γνῶθι σεαυτόν, φίλε",
        "7kq-Vn2-xxR-91z",
        "849-201-847-362",
        "dragons eat sunshine",
    ],
)
def test_any_other_is_good_whatever_it_is_made_of(password):
    check_password(password, "nobody@example.com", "/password")


async def test_what_a_list_of_the_operator_holds_is_refused_wherever_a_password_is_chosen(settings, tmp_path):
    refused = tmp_path / "refused.txt"
    refused.write_bytes("Mauve Giraffe Cycles\r\nünïcödé pässwörd\r\nred herring sandwiches".encode())
    chosen = changed(settings, password_list=str(refused))
    async with running_app(chosen) as app, client_of(app) as client:
        for password in ("mauve giraffe cycles", "MAUVE giraffe cycles", "ünïcödé pässwörd", "red herring sandwiches"):
            answer = await client.post(f"{AUTH}/register", json={"email": EMAIL, "password": password})
            assert_problem(answer, 422, "weak-password")
            assert answer.json()["errors"][0]["field"] == "/password"
        with pytest.raises(WeakPassword, match=COMMON):
            await commands.create_user(chosen, EMAIL, "red herring sandwiches", is_admin=False)
        ada = await register(client, password="mauve giraffe cycle")
        body = {"current_password": "mauve giraffe cycle", "new_password": "red herring sandwiches"}
        answer = await client.post(f"{ME}/password", json=body, headers=ada.headers)
        assert_problem(answer, 422, "weak-password")
        refused.unlink()
        answer = await client.post(f"{ME}/password", json=body, headers=ada.headers)
        assert_problem(answer, 503, "service-unavailable")
        assert (await log_in(client, password="mauve giraffe cycle")).status_code == 200


async def test_a_weak_password_is_told_with_its_field(client):
    answer = await client.post(f"{AUTH}/register", json={"email": EMAIL, "password": "password1234"})
    assert_problem(answer, 422, "weak-password")
    assert answer.json()["errors"][0]["field"] == "/password"
    assert "password1234" not in answer.text


@pytest.mark.parametrize("password", ["x" * 1025, "ü" * 513, "🐳" * 257])
async def test_an_endless_password_is_refused_before_it_is_hashed(client, monkeypatch, password):
    monkeypatch.setattr(Passwords, "_in_slot", None)
    answer = await client.post(f"{AUTH}/register", json={"email": EMAIL, "password": password})
    assert_problem(answer, 422, "invalid-request")
    assert password not in answer.text
    assert_problem(await log_in(client, EMAIL, password), 422, "invalid-request")


async def test_the_longest_password_logs_in(client):
    password = ("mauve giraffe " * 100)[:1024]
    assert (await client.post(f"{AUTH}/register", json={"email": EMAIL, "password": password})).status_code == 201
    assert (await log_in(client, EMAIL, password)).status_code == 200
    assert (await log_in(client, EMAIL, password[:-1] + "x")).status_code == 401


async def test_letters_are_the_same_however_a_keyboard_composes_them(client):
    await client.post(f"{AUTH}/register", json={"email": EMAIL, "password": "caf\u00e9 au lait noir"})
    assert (await log_in(client, EMAIL, "cafe\u0301 au lait noir")).status_code == 200


async def allowed() -> None:
    return


@pytest.mark.real_hashes
async def test_a_password_is_hashed_with_argon2id_at_its_full_price():
    hashed = await Passwords().hash(PASSWORD)
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert not hashing.HASHER.current_hasher.check_needs_rehash(hashing._decoy())


@pytest.mark.real_hashes
async def test_an_unknown_user_costs_what_a_known_one_costs():
    hasher = Passwords()
    known = await hasher.hash(PASSWORD)
    took: dict[str | None, list[float]] = {known: [], None: []}
    for _ in range(7):
        for known_hash, times in took.items():
            # Of the processor, whose other work would decide how long it takes.
            started_s = time.process_time()
            assert not (await hasher.verify("a wrong password", known_hash, allowed)).is_right
            times.append(time.process_time() - started_s)
    assert 0.5 < median(took[None]) / median(took[known]) < 2
    hasher.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities of threads")
async def test_passwords_are_hashed_at_the_lowest_priority_and_nothing_else_is():
    hasher = Passwords()
    threads = (hasher._threads, None)
    loop = asyncio.get_running_loop()
    found = [await loop.run_in_executor(each, os.getpriority, os.PRIO_PROCESS, 0) for each in threads]
    assert found == [LOWEST_PRIORITY, os.getpriority(os.PRIO_PROCESS, 0)]
    assert found[1] < found[0]
    hasher.close()


async def test_a_right_password_is_hashed_anew_when_the_price_has_changed(client, database, monkeypatch):
    await client.post(f"{AUTH}/register", json={"email": EMAIL, "password": PASSWORD})
    dearer = Argon2Hasher(time_cost=2, memory_cost=16, parallelism=1)
    monkeypatch.setattr(hashing, "HASHER", PasswordHash((dearer,)))
    async with database.driver_connection() as connection:
        assert (await log_in(client, EMAIL, "a wrong password")).status_code == 401
        assert "t=1" in await connection.fetchval("SELECT password_hash FROM users")
        assert (await log_in(client)).status_code == 200
        assert "m=16,t=2" in await connection.fetchval("SELECT password_hash FROM users")
    assert (await log_in(client)).status_code == 200


async def test_a_few_are_hashed_at_a_time_and_too_many_are_sent_away(monkeypatch):
    monkeypatch.setattr(hashing, "MAX_WAITING", 20)
    hasher, running, most, go = Passwords(), 0, 0, asyncio.Event()

    async def hold() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go.wait()
        running -= 1

    waiting = [asyncio.create_task(hasher.verify(PASSWORD, None, hold)) for _ in range(20)]
    await asyncio.sleep(0)
    with pytest.raises(ServiceUnavailable):
        await hasher.verify(PASSWORD, None, allowed)
    go.set()
    verdicts = await asyncio.gather(*waiting)
    assert [verdict.is_right for verdict in verdicts] == [False] * 20
    assert most == PARALLEL_HASHES
    await hasher.verify(PASSWORD, None, allowed)
    hasher.close()


class Held:
    """In place of a hasher: each hash waits until it may go on."""

    def __init__(self) -> None:
        self.made = 0
        self.go = threading.Event()

    def verify_and_update(self, _password: str, _known_hash: str) -> tuple[bool, None]:
        self.made += 1
        self.go.wait(60)
        return False, None


async def begin_login(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    port = int(url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = urlencode({"username": EMAIL, "password": PASSWORD})
    head = f"POST {AUTH}/token HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}".encode())
    return reader, writer


async def test_a_login_whose_client_has_gone_is_not_hashed(settings, monkeypatch):
    held, begun, in_slot = Held(), [], Passwords._in_slot

    async def counted(*args: Any) -> Any:
        begun.append(True)
        return await in_slot(*args)

    monkeypatch.setattr(hashing, "HASHER", held)
    monkeypatch.setattr(Passwords, "_in_slot", counted)
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
            stay = [await begin_login(url) for _ in range(PARALLEL_HASHES)]
            await eventually(lambda: held.made == PARALLEL_HASHES)
            go = [await begin_login(url) for _ in range(5)]
            await eventually(lambda: len(begun) == PARALLEL_HASHES + 5)
            for _, writer in go:
                writer.close()
                await writer.wait_closed()
            stay.append(await begin_login(url))
            await eventually(lambda: len(begun) == PARALLEL_HASHES + 6)
            await client.get("/health/live")
            held.go.set()
            for reader, writer in stay:
                assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
                writer.close()
    assert held.made == PARALLEL_HASHES + 1


async def test_a_long_list_of_refused_passwords_is_read_in_parts(settings, tmp_path, monkeypatch):
    refused = tmp_path / "refused.txt"
    monkeypatch.setattr(passwords, "_READ_BYTES", 7)
    lines = ["mauve giraffe cycles", "red herring sandwiches", "ünïcödé pässwörd"]
    for line_end in ("\n", "\r\n"):
        refused.write_text(line_end.join(lines), newline="")
        assert all(passwords._is_listed(refused, line) for line in lines)
        assert not any(passwords._is_listed(refused, other) for other in ("giraffe cycles", "red herring", "mauve"))
