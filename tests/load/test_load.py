"""The load client counts what was answered, and the page and its picture hold what was measured."""

import asyncio
from collections import Counter
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.load import page
from tests.load.client import Latencies, Load, prepare, read_answer, requests
from tests.load.picture import Bar, bars
from tests.load.sustained import LEAST_SHARE, Outcome, Sample, broken_promises
from tests.load.visitors import make

FOUND = b"HTTP/1.1 302 Found\r\nlocation: https://example.com/\r\ncontent-length: 0\r\n\r\n"
MISSED = b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot\r\n\r\nit"


@pytest.mark.parametrize(("answer", "status"), [(FOUND, 302), (MISSED, 404)])
def test_an_answer_is_read_to_its_end_and_not_before(answer: bytes, status: int) -> None:
    assert read_answer(answer) == (status, len(answer))
    assert read_answer(answer + FOUND) == (status, len(answer))
    assert read_answer(answer[: answer.index(b"\r\n\r\n") + 2]) is None


def test_an_answer_of_unknown_length_is_refused() -> None:
    with pytest.raises(ValueError, match="Content-Length"):
        read_answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")


def test_codes_are_asked_for_one_after_the_other_or_by_chance() -> None:
    in_turn = list(islice(requests("h", "/", 3, "x", in_turn=True), 4))
    assert in_turn == [prepare("h", f"/x000000{n}") for n in (0, 1, 2, 0)]
    by_chance = set(islice(requests("h", "/", 3, "x", in_turn=False), 500))
    assert by_chance == set(in_turn)


def test_percentiles_are_those_of_all_requests() -> None:
    latencies = Latencies()
    assert latencies.percentile_ms(50) == 0
    for ms in range(1, 101):
        latencies.add((ms - 0.01) / 1000)
    latencies.add(60)
    assert latencies.percentile_ms(50) == pytest.approx(51, abs=0.1)
    assert latencies.percentile_ms(99) == pytest.approx(100, abs=0.1)
    assert latencies.percentile_ms(100) == pytest.approx(10_000, abs=0.1)


async def serve(answers: list[bytes]) -> asyncio.Server:
    """Gives these answers in turn, each in two parts; None of them closes the connection but an empty one."""
    left = iter(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            text = next(left)
            if not text:
                break
            writer.write(text[:20])
            await asyncio.sleep(0)
            writer.write(text[20:])
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


async def run(load: Load, answers: list[bytes], connections: int = 1) -> dict[str, object]:
    async with await serve(answers) as server:
        port = server.sockets[0].getsockname()[1]
        return await load.run("127.0.0.1", port, connections)


async def test_so_many_requests_as_were_asked_for_are_answered_and_counted() -> None:
    load = Load(requests("h", "/a", 0, "x", False), seconds=10, count=5)
    found = await run(load, [FOUND, MISSED, FOUND, FOUND, FOUND])
    assert found["statuses"] == {"302": 4, "404": 1}
    assert found["unanswered"] == 0


async def test_a_request_whose_connection_was_closed_counts_as_unanswered() -> None:
    load = Load(requests("h", "/a", 0, "x", False), seconds=10, count=3)
    found = await run(load, [FOUND, b"", FOUND])
    assert found["statuses"] == {"302": 2}
    assert found["unanswered"] == 1


async def test_a_rate_is_kept_and_waiting_for_a_free_connection_is_part_of_the_time() -> None:
    load = Load(requests("h", "/a", 0, "x", False), seconds=0.5, rate=400)
    found = await run(load, [FOUND] * 400)
    assert load.statuses == Counter({302: load.sent})
    assert 190 <= load.sent <= 200
    assert found["unanswered"] == 0


async def test_what_was_due_and_could_not_be_sent_counts_as_unanswered() -> None:
    load = Load(requests("h", "/a", 0, "x", False), seconds=0.3, rate=100_000)
    found = await run(load, [FOUND] * 30_000)
    assert load.statuses == Counter({302: load.sent})
    assert found["unanswered"] == pytest.approx(30_000 - load.sent, abs=3000)
    assert found["p99_ms"] > 20


def test_a_section_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("a\n<!-- one -->\nold\n<!-- end of one -->\nb\n<!-- two -->\n<!-- end of two -->\n")
    page.write("one", "new", file)
    page.write("two", page.table(("x", "y"), [("1", "2")]), file)
    assert file.read_text() == (
        "a\n<!-- one -->\nnew\n<!-- end of one -->\nb\n"
        "<!-- two -->\n| x | y |\n| --- | ---: |\n| 1 | 2 |\n<!-- end of two -->\n"
    )
    with pytest.raises(ValueError, match="three"):
        page.write("three", "new", file)


def test_the_picture_is_valid_and_names_each_bar() -> None:
    names = ["this product", "nginx & Lua, <constant>"]
    root = ElementTree.fromstring(bars('"A" & <B>', "note", [Bar(name, 10, 5, 12) for name in names]))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {'"A" & <B>', *names} <= set(texts)
    widths = [float(bar.get("width", 0)) for bar in root.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert widths[0] == widths[1] > 0


def test_visitors_follow_the_first_links_most_and_keep_their_browser() -> None:
    asked = [request.decode().split("\r\n") for request in make("h", links=100, count=2000, visitors=50)]
    links = Counter(lines[0] for lines in asked)
    assert links["GET /x0000000 HTTP/1.1"] > 5 * links["GET /x0000063 HTTP/1.1"] >= 0
    visitors = {(lines[2], lines[3]) for lines in asked}
    assert len(visitors) == len({address for _, address in visitors}) <= 50
    assert all(lines[-2:] == ["", ""] and lines[3].startswith("X-Forwarded-For: ") for lines in asked)


def sustained(
    rate: float = 100, stored: int = 3000, settled_s: float = 1, behind: tuple[int, ...] = (9, 9, 9)
) -> list[str]:
    """The report of a run at 100 per second that answered 3000."""
    answers = {"rate": rate, "statuses": {"302": 3000}, "unanswered": 0}
    samples = [Sample(n, 1000, 1000 - waiting, 1, 0) for n, waiting in enumerate(behind)]
    return broken_promises(Outcome(answers, samples, settled_s, stored, stored, {}, 100), 100)


def test_a_sustained_run_tells_each_promise_that_was_broken() -> None:
    assert sustained() == []
    assert "a second" in sustained(rate=100 * LEAST_SHARE - 1)[0]
    assert "2,999 counted" in sustained(stored=2999)[0]
    assert "after 6.0 s" in sustained(settled_s=6)[0]
    assert "grew from 9 to 900" in sustained(behind=(9, 400, 900))[0]
