"""Metrics count in every process, survive a kill, and are explained in the documentation."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import timeit
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shortener.clicks.metrics import CLICKS_BUFFERED, CLICKS_LOST
from shortener.clicks.stream import STREAM, Backlog, ClickStream, Sealer
from shortener.observability.exposition import MetricsFiles, serving_metrics_of_children
from shortener.observability.metrics import REGISTRY
from shortener.processes.embedded.data_directory import DataDirectory
from shortener.redirect.metrics import AT_ONCE
from shortener.redirect.protocol import RedirectProtocol
from shortener.settings import load_settings
from tests.clicks.make import batch
from tests.conftest import SECRET, changed, client_of, create_link, eventually, running_app
from tests.e2e import product
from tests.e2e.product import Product, command, create, free_port, run_command, running
from tests.redirect.test_protocol import converse, request, served
from tests.test_docs import ROOT, rows
from workers.clicks import Drain, drain_clicks

OPERATIONS = ROOT / "docs/operations.md"
CHROME = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


class Scrape:
    """What Prometheus gets at one moment."""

    def __init__(self, port: int) -> None:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=60).raise_for_status().text
        self.families = list(text_string_to_metric_families(text))
        self.samples = [sample for family in self.families for sample in family.samples]

    def sum(self, name: str, **labels: str) -> float:
        return sum(s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items())

    def pids(self, name: str) -> set[int]:
        return {int(s.labels["pid"]) for s in self.samples if s.name == name}


def redirected(port: int) -> float:
    return Scrape(port).sum("shortener_redirects_total", outcome="redirected")


def follow(url: str, code: str, times: int) -> None:
    """Each on a connection of its own, so that all processes get some."""
    for _ in range(times):
        assert httpx.get(f"{url}/{code}", trust_env=False, timeout=60).status_code == 302


def test_two_web_processes_and_the_worker_are_counted_as_one_and_a_killed_one_stays_counted(data_dir):
    port = free_port()
    with running(data_dir, metrics_port=port) as up, up.client() as client:
        code = create(client)
        follow(up.url, code, 60)
        assert redirected(port) == 60

        web = {process.pid for process in up.named("shortener web")}
        workers = {process.pid for process in up.named("shortener worker")}
        product.eventually(lambda: Scrape(port).pids("shortener_process_memory_bytes") == web | workers)
        product.eventually(lambda: Scrape(port).sum("shortener_clicks_written_total") == 60)

        for victim in up.named("shortener web"):
            before = redirected(port)
            victim.kill()
            seen = [before]

            def is_replaced(victim=victim, seen=seen) -> bool:
                seen.append(redirected(port))
                pids = Scrape(port).pids("shortener_process_memory_bytes")
                return victim.pid not in pids and len(pids) == 3

            product.eventually(is_replaced, 60)
            assert set(seen) == {before}
            follow(up.url, code, 20)
            assert redirected(port) == before + 20
        product.eventually(lambda: Scrape(port).sum("shortener_clicks_written_total") == 100)

        last = Scrape(port)
        assert last.sum("shortener_click_batch_size_sum") == 100
        assert last.sum("shortener_redirect_seconds_count") == last.sum("shortener_click_batch_size_count")
        assert last.sum("shortener_resolved_total") == 100
        assert last.sum("shortener_drain_clicks_sum") == 100
        assert last.sum("shortener_request_seconds_count", method="POST", route="/api/v1/links", status="2xx") == 1
        product.eventually(lambda: Scrape(port).sum("shortener_invalidations_up", process="web") == 2)
        assert last.sum("shortener_clicks_lost_total") == 0
        assert {f.name for f in last.families} <= {name.removesuffix("_total") for name in declared()}
        assert up.stop() == 0


def test_the_public_port_has_no_metrics_and_by_default_no_other_has(data_dir):
    with running(data_dir, metrics_port=(port := free_port())) as up, up.client() as client:
        assert Scrape(port).families
        assert client.get("/metrics").status_code == 404
        assert up.stop() == 0
    with running(data_dir) as up, up.client() as client:
        assert client.get("/metrics").status_code == 404
        listening = {c.laddr.port for p in up.family() for c in p.net_connections("tcp") if c.status == "LISTEN"}
        assert listening == {up.port}


@contextlib.contextmanager
def beside(up: Product, *arguments: str) -> Iterator[tuple[str, int, int]]:
    """Another command on the servers of a product: its address, if it has one, the port of its metrics, its pid."""
    servers = DataDirectory(up.data_dir).read_run_file()
    assert servers is not None
    port, metrics_port = free_port(), free_port()
    argv, environment = command(
        *arguments,
        data_dir=up.data_dir,
        port=port,
        metrics_port=metrics_port,
        database_url=servers.database_url,
        redis_url=servers.redis_url,
        secret_key=DataDirectory(up.data_dir).secret_key(),
        web_processes=1,
    )
    with subprocess.Popen(argv, env=environment) as process:
        try:
            product.eventually(lambda: is_listening(metrics_port) and (arguments[0] == "worker" or is_listening(port)))
            yield f"http://127.0.0.1:{port}", metrics_port, process.pid
        finally:
            process.terminate()
            # uvicorn ends by the signal that it was sent.
            assert process.wait(30) in {0, -signal.SIGTERM}


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("arguments", [("web",), ("web", "--workers", "2"), ("worker",)], ids=" ".join)
def test_each_command_serves_its_own_and_leaves_nothing_behind(data_dir, arguments):
    with running(data_dir) as up, up.client() as client:
        code = create(client)
        with beside(up, *arguments) as (url, port, pid):
            if "web" in arguments:
                follow(url, code, 10)
                assert redirected(port) == 10
            product.eventually(lambda: Scrape(port).sum("shortener_process_memory_bytes") > 0)
            assert Scrape(port).sum("shortener_build_info") == 1
            if "worker" in arguments:
                product.eventually(lambda: Scrape(port).sum("shortener_stream_entries", stream="clicks:dead") == 0)
            folders = list(Path("/dev/shm").glob(f"shortener-metrics-{pid}-*"))
            assert len(folders) == ("--workers" in arguments)
        assert not any(folder.exists() for folder in folders)


def test_a_metrics_port_in_use_is_told_in_one_line(data_dir):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        failed = run_command("up", data_dir=data_dir, port=free_port(), metrics_port=taken.getsockname()[1])
    assert failed.returncode == 1
    assert "SHORTENER_METRICS_PORT" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1
    assert not (data_dir / "postgres").exists()


def counts(*names: str) -> Counter[tuple[str, ...]]:
    """What this process has counted, by name and labels."""
    found: Counter[tuple[str, ...]] = Counter()
    for family in REGISTRY.collect():
        for sample in family.samples:
            if sample.name in names:
                found[sample.name, *sample.labels.values()] += int(sample.value)
    return found


async def test_through_the_protocol_and_through_asgi_redirects_count_alike(settings, redis):
    settings = changed(settings, limit_redirect="8/minute")
    names = ("shortener_redirects_total", "shortener_resolved_total", "shortener_click_batch_size_sum")
    async with running_app(settings) as app, client_of(app) as client:
        for code in ("live", "gone"):
            await create_link(client, code=code)
        await client.delete("/api/v1/links/gone")
    found = []
    for protocol in (RedirectProtocol, HttpToolsProtocol):
        await redis.flushall()
        async with served(settings, protocol) as address:
            before = counts(*names)
            for path, times in ((b"/live", 1), (b"/nowhere", 1), (b"/gone", 1), (b"/live+", 1), (b"/live", 6)):
                await converse(address, request(path, CHROME) * times)
            found.append(counts(*names) - before)
    assert found[0] == found[1]
    outcomes = {labels[1]: n for labels, n in found[0].items() if labels[0] == "shortener_redirects_total"}
    assert outcomes == {"redirected": 5, "not_found": 1, "gone": 1, "previewed": 1, "throttled": 2}
    assert found[0]["shortener_click_batch_size_sum",] == 5


async def test_no_client_can_make_a_label(client):
    for path, method in (("/api/v1/links/secret-code", "GET"), ("/a/b/secret-code", "SECRET"), ("/secret-code", "GET")):
        await client.request(method, path, headers={"User-Agent": "secret-code"})
    assert b"secret" not in prometheus_client.generate_latest(REGISTRY).lower()


@pytest.mark.parametrize("reason", ["ended", "killed with clicks in its buffer"])
def test_what_a_process_had_counted_outlives_it(tmp_path, reason):
    files = MetricsFiles(tmp_path, CLICKS_BUFFERED, CLICKS_LOST)
    buffered = 7 if "buffer" in reason else 0
    script = f"""
import os, signal
from shortener.clicks.metrics import CLICKS_BUFFERED, CLICKS_LOST
from workers.metrics import DRAIN_CLICKS
from shortener.redirect.metrics import REDIRECTS
REDIRECTS.labels("gone").inc(3)
DRAIN_CLICKS.observe(100)
CLICKS_LOST.labels("process_killed").inc(0)
CLICKS_BUFFERED.set({buffered})
os.kill(os.getpid(), signal.SIGKILL)
"""

    def value(name: str, **labels: str) -> float | None:
        registry = prometheus_client.CollectorRegistry()
        registry.register(files)
        return registry.get_sample_value(name, labels)

    for times in (1, 2, 3):
        process = subprocess.Popen([sys.executable, "-c", script], env=os.environ | files.env())
        process.wait(30)
        assert value("shortener_clicks_buffered") == buffered
        assert value("shortener_redirects_total", outcome="gone") == 3 * times
        files.bury(process.pid)
        assert value("shortener_clicks_buffered") is None
        assert value("shortener_redirects_total", outcome="gone") == 3 * times
        assert value("shortener_drain_clicks_bucket", le="100.0") == times
        assert value("shortener_drain_clicks_bucket", le="10.0") == 0
        assert value("shortener_drain_clicks_sum") == 100 * times
        assert value("shortener_clicks_lost_total", reason="process_killed") == buffered * times
        assert {file.name for file in tmp_path.iterdir()} == {"counter_ended.db", "histogram_ended.db"}


def test_the_folder_of_a_supervisor_that_was_killed_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("shortener.observability.exposition._SHARED_MEMORY", tmp_path)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    stale, other = (tmp_path / f"shortener-metrics-{pid}-x" for pid in (ended.pid, os.getpid()))
    stale.mkdir()
    other.mkdir()
    with serving_metrics_of_children(load_settings(metrics_port=free_port()), CLICKS_BUFFERED, CLICKS_LOST):
        assert not stale.exists()
        assert other.exists()
        assert len(list(tmp_path.iterdir())) == 2
    assert list(tmp_path.iterdir()) == [other]


async def test_clicks_that_somebody_deletes_from_redis_are_noticed(redis, database):
    stream = ClickStream(redis, Sealer(SECRET))
    await stream.ensure_group()
    await stream.append([batch(), batch()])
    taken = await stream.read("one that dies", 2, 1)
    await redis.xdel(STREAM, taken[0].id)
    before = counts("shortener_click_batches_vanished_total", "shortener_click_stream_missing_total")
    drain = Drain(stream, database, "test")
    assert len(await stream.claim_abandoned("test", 10, 0)) == 1

    draining = asyncio.create_task(drain_clicks(drain))
    await eventually(lambda: is_reading(redis))
    await redis.delete(STREAM)

    def noticed() -> bool:
        after = counts("shortener_click_batches_vanished_total", "shortener_click_stream_missing_total")
        return list((after - before).values()) == [1, 1]

    await eventually(noticed)
    drain.stop()
    await draining


async def is_reading(redis: Redis) -> bool:
    """Whether a consumer waits for entries."""
    return int((await redis.info("clients"))["blocked_clients"]) > 0


async def test_the_backlog_is_told(redis):
    stream = ClickStream(redis, Sealer(SECRET))
    await stream.ensure_group()
    assert await stream.backlog() == Backlog(0, 0, 0, 0.0, 0)
    await stream.append([batch() for _ in range(5)])
    first, *_ = await stream.read("test", 2, 1)
    await stream.bury(first, "not_a_batch")
    now_s = time.time()
    entries, lag, pending, oldest_s, dead = await stream.backlog()
    assert (entries, lag, pending, dead) == (4, 3, 1, 1)
    assert 0 <= oldest_s <= time.time() - now_s + 1


def declared() -> dict[str, list[str]]:
    """Each metric by its exported name, with its labels."""
    metrics = [m for m in REGISTRY._collector_to_names if isinstance(m, prometheus_client.metrics.MetricWrapperBase)]
    names = {m._name + ("_total" if isinstance(m, prometheus_client.Counter) else ""): m._labelnames for m in metrics}
    exported = {family.name for family in REGISTRY.collect()}
    return {name: list(labels) for name, labels in names.items() if name.removesuffix("_total") in exported}


def test_each_metric_is_explained_with_its_labels_and_no_other():
    listed = rows(OPERATIONS, r"`shortener_\w+`")
    assert {row[0].strip("`"): re.findall(r"`(\w+)`", row[1]) for row in listed} == declared()
    assert all(row[2] for row in listed)
    alerts = set(re.findall(r"shortener_\w+", OPERATIONS.read_text()))
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in alerts} == set(declared())


def test_counting_costs_a_redirect_almost_nothing():
    """The limit is generous, since other programs run here too; the best of many rounds is what it costs."""

    def count() -> None:
        for _ in range(1000):
            AT_ONCE.redirects += 1
            AT_ONCE.from_memory += 1

    assert min(timeit.repeat(count, number=1, repeat=50)) / 1000 < 0.2e-6
    AT_ONCE.redirects = AT_ONCE.from_memory = 0
