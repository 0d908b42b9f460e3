"""What `shortener up` promises an operator."""

import os
import pwd
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.e2e.product import Product, clicks_of, create, eventually, free_port, run_command, running


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


class Load:
    """Follows a link without pause, and counts the answers that did arrive."""

    def __init__(self, product: Product, code: str) -> None:
        self.answered = 0
        self._product, self._code = product, code
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._follow, daemon=True) for _ in range(4)]
        self._lock = threading.Lock()

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                with self._product.client() as client:
                    while not self._stop.is_set():
                        if client.get(f"/{self._code}").status_code == 302:
                            with self._lock:
                                self.answered += 1
            except httpx.HTTPError:
                self._stop.wait(0.02)

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        goal = self.answered + more
        eventually(lambda: self.answered >= goal, 60)


def test_what_it_prints_works(data_dir):
    with running(data_dir) as product:
        line = next(line for line in product.output().splitlines() if line.strip().startswith("curl"))
        made = os.popen(line).read()
        assert '"short_url"' in made
        assert f"{product.url}/docs" in product.output()


def test_the_first_admins_key_works_and_is_printed_at_the_first_start_only(data_dir):
    with running(data_dir) as product:
        key = re.search(r"shr_\w+", product.output())[0]
        with product.client() as client:
            assert client.get("/api/v1/me", headers={"X-API-Key": key}).json()["is_admin"]
            # On one's own machine nothing need be shown.
            assert client.get("/api/v1/links").status_code == 200
        made = run_command("key", "create", "admin@localhost", data_dir=data_dir).stdout.strip()
        product.stop()
    with running(data_dir, anonymous_links="false") as product, product.client() as client:
        assert "shr_" not in product.output()
        assert client.get("/api/v1/links").status_code == 401
        for shown in (key, made):
            assert client.get("/api/v1/links", headers={"X-API-Key": shown}).status_code == 200
        logs = "".join(path.read_text(errors="replace") for path in data_dir.glob("*.log"))
        assert key not in logs
        assert made not in logs


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_stopping_loses_nothing_leaves_no_process_and_starting_finds_everything(data_dir, signal_):
    with running(data_dir) as product:
        with product.client() as client:
            code = create(client, "https://example.com/kept")
        with Load(product, code) as load:
            load.wait_for(200)
            assert product.stop(signal_) == 0
        assert not (data_dir / "run.json").exists()
    with running(data_dir) as product, product.client() as client:
        assert client.get(f"/{code}+").json()["url"] == "https://example.com/kept"
        eventually(lambda: clicks_of(client, code) == load.answered)
        assert product.stop() == 0


def test_a_second_start_on_the_same_folder_is_refused_in_one_clear_line(data_dir):
    with running(data_dir) as product:
        second = run_command("up", data_dir=data_dir, port=free_port())
        assert second.returncode == 1
        assert f"in use by process {product.process.pid}" in second.stderr
        assert len(second.stderr.splitlines()) == 1
        with product.client() as client:
            assert client.get("/health/ready").status_code == 200


@pytest.mark.parametrize("victim", ["shortener web", "shortener worker", "bin/postgres", "valkey-server"])
def test_whatever_is_killed_comes_back_and_no_answered_redirect_goes_uncounted(data_dir, victim):
    with running(data_dir) as product, product.client() as client:
        code = create(client)
        with Load(product, code) as load:
            load.wait_for(50)
            before = product.named(victim)[0]
            before.kill()
            eventually(lambda: [p for p in product.named(victim) if p.pid != before.pid], 20)
            load.wait_for(50)
        eventually(lambda: client.get("/health/ready").status_code == 200, 30)
        eventually(lambda: clicks_of(client, code) >= load.answered, 30)
        if "web" not in victim:  # A web process may be killed between storing a click and answering.
            assert clicks_of(client, code) == load.answered


def test_after_the_power_fails_everything_is_found_again(data_dir):
    with running(data_dir) as product:
        with product.client() as client:
            code = create(client, "https://example.com/kept")
            with Load(product, code) as load:
                load.wait_for(100)
            eventually(lambda: clicks_of(client, code) == load.answered)
        product.kill_all()
    with running(data_dir) as product, product.client() as client:
        assert client.get(f"/{code}").headers["location"] == "https://example.com/kept"
        eventually(lambda: clicks_of(client, code) == load.answered + 1)


def test_when_the_supervisor_alone_is_killed_its_servers_end_and_the_next_start_works(data_dir):
    with running(data_dir) as product:
        children = product.process.children(recursive=True)
        product.process.kill()
        _, alive = psutil.wait_procs(children, timeout=30)
        assert alive == []
    with running(data_dir) as product, product.client() as client:
        assert client.get("/health/ready").status_code == 200


def test_a_port_in_use_is_told_in_one_line_before_anything_starts(data_dir):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        failed = run_command("up", data_dir=data_dir, port=port)
    assert failed.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in failed.stderr
    assert "SHORTENER_PORT" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1
    assert not (data_dir / "postgres").exists()


def test_a_postgres_that_takes_longer_than_ten_seconds_is_waited_for(data_dir):
    with running(data_dir) as product:
        product.kill_all()
    product = Product(data_dir)
    try:
        eventually(lambda: product.named("bin/postgres"), 20)
        postgres = product.named("bin/postgres")[0]
        postgres.suspend()
        eventually(lambda: "still_starting" in product.output(), 30)
        postgres.resume()
        product.wait_until_ready()
        assert product.stop() == 0
    finally:
        product.end()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk on which PostgreSQL does not fit."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_told_in_one_line_that_says_what_to_do(small_disk):
    failed = run_command("up", data_dir=small_disk / "data", port=free_port())
    assert failed.returncode == 1
    assert "No space left on device" in failed.stderr
    assert "Free some space" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("database_url", "mysql://localhost/x", "SHORTENER_DATABASE_URL"),
        ("database_url", "postgresql://nobody@127.0.0.1:1/none", "SHORTENER_DATABASE_URL"),
        ("redis_url", "localhost:6379", "SHORTENER_REDIS_URL"),
        ("redis_url", "redis://127.0.0.1:1/0", "SHORTENER_REDIS_URL"),
        ("limit_api", "many", "SHORTENER_LIMIT_API"),
        ("port", "0", "SHORTENER_PORT"),
        ("base_url", "sho.rt", "SHORTENER_BASE_URL"),
        ("trusted_proxies", "10.0.0.0/99", "SHORTENER_TRUSTED_PROXIES"),
        ("secret_key", "short", "SHORTENER_SECRET_KEY"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line_that_names_it(data_dir, setting, value, named):
    failed = run_command("up", data_dir=data_dir, **{"port": free_port(), setting: value})
    assert failed.returncode == 1
    assert named in failed.stderr
    assert len(failed.stderr.strip().splitlines()) == 1


def test_no_folder_is_opened_to_others(data_dir):
    data_dir.parent.chmod(0o700)
    with running(data_dir):
        assert stat.S_IMODE(data_dir.parent.stat().st_mode) == 0o700
        for folder in (data_dir, data_dir / "postgres", data_dir / "valkey"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((data_dir / "secret_key").stat().st_mode) == 0o600
        assert stat.S_IMODE((data_dir / "run.json").stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_as_root_postgres_runs_unprivileged(data_dir):
    with running(data_dir) as product:
        postgres = product.named("bin/postgres")[0]
        assert 0 not in postgres.uids()
        assert postgres.gids().real != 0


def _is_reachable(path: Path) -> bool:
    """Whether any user may go there."""
    return all(parent.stat().st_mode & 0o001 for parent in (path, *path.parents))


def _python_for_others(folders: list[str]) -> str | None:
    """An interpreter that any user may run, and that can run the product; root's own may lie where only root can go."""
    for python in (Path(sys.executable).resolve(), Path("/usr/bin/python3")):
        if python.exists() and all(map(_is_reachable, map(Path, (python, *folders)))):
            environment = os.environ | {"PYTHONPATH": ":".join(folders)}
            if (
                subprocess.run(
                    [python, "-c", "import shortener.operations.up"], env=environment, check=False
                ).returncode
                == 0
            ):
                return str(python)
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else; else every test is this one")
def test_an_ordinary_user_can_run_it():
    folders = [folder for folder in sys.path if Path(folder).is_dir() and not folder.startswith(sys.base_prefix)]
    python = _python_for_others(folders)
    if python is None:
        pytest.skip("neither Python nor the product can be reached by other users on this machine")
    user = pwd.getpwnam("daemon")
    with tempfile.TemporaryDirectory(prefix="home-") as home:
        os.chown(home, user.pw_uid, user.pw_gid)
        popen = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
        product = Product(Path(home) / "data", popen=popen, python=python, python_path=":".join(folders))
        try:
            product.wait_until_ready()
            assert {process.uids().real for process in product.family()} == {user.pw_uid}
            with product.client() as client:
                code = create(client)
                client.get(f"/{code}")
                eventually(lambda: clicks_of(client, code) == 1)
            assert product.stop() == 0
        finally:
            product.end()


def test_a_data_folder_that_cannot_be_used_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for data_dir in (tmp_path / "file", tmp_path / "file" / "data", Path("/proc/data")):
        done = run_command("up", data_dir=data_dir, port=free_port())
        assert done.returncode == 1
        assert done.stderr.startswith("shortener: SHORTENER_DATA_DIR cannot be used: "), done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_temporary_folder_that_is_too_long_for_a_socket_is_named_as_such(tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    done = run_command("up", data_dir=tmp_path / "data", port=free_port())
    assert done.returncode == 1
    assert done.stderr.startswith("shortener: TMPDIR is too long for the path of a socket"), done.stderr
    assert list(folder.iterdir()) == []
