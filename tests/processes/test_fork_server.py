"""The program is imported once; web, worker and commands are forks of the process that has imported it."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import psutil
import pytest

from shortener import __version__
from shortener.processes import head_start
from shortener.processes.fork_server import ForkServer
from shortener.processes.supervisor import SHORTENER, CommandFailed, Program, Supervisor
from tests.e2e.product import Product, eventually, running


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running(tmp_path_factory.mktemp("forks") / "data") as product:
        yield product


def titles(product: Product) -> list[str]:
    own = [" ".join(process.cmdline()).strip() for process in product.family()]
    return sorted(title for title in own if title.startswith("shortener"))


def test_each_process_is_named_by_what_it_does(product: Product) -> None:
    assert titles(product) == [
        "shortener fork server",
        "shortener up",
        "shortener web",
        "shortener web",
        "shortener worker",
    ]


def test_forks_are_children_of_the_supervisor_each_in_a_process_group_of_its_own(product: Product) -> None:
    forks = product.named("^shortener ")
    assert len(forks) == 4
    # A terminal's Ctrl-C reaches none of them.
    assert {os.getpgid(fork.pid) for fork in forks} == {fork.pid for fork in forks}


def test_only_modules_exist_before_a_fork(product: Product) -> None:
    [server] = product.named("fork server")
    assert server.num_threads() == 1
    assert server.children() == []
    assert server.net_connections("inet") == []
    open_files = [os.readlink(f"/proc/{server.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{server.pid}/fd")]
    # Its orders come by the only socket.
    assert len([file for file in open_files if file.startswith("socket:")]) == 1
    assert [file for file in open_files if "epoll" in file or "memfd" in file or "pipe:" in file] == []


def test_the_end_of_the_fork_server_touches_nobody_and_its_successor_forks(product: Product) -> None:
    [server] = product.named("fork server")
    others = {process.pid for process in product.named("shortener (web|worker)")}
    server.kill()
    eventually(lambda: [other for other in product.named("fork server") if other.pid != server.pid], 30)
    assert {process.pid for process in product.named("shortener (web|worker)")} == others
    for title in ("shortener web", "shortener worker"):
        victim = product.named(title)[0]
        count = len(product.named(title))
        victim.kill()
        eventually(
            lambda title=title, count=count, victim=victim: (
                len(found := product.named(title)) == count and victim not in found
            ),
            30,
        )
    with product.client() as client:
        eventually(lambda: client.get("/health/ready").status_code == 200, 30)


def test_an_order_waits_for_the_successor_of_a_killed_fork_server(product: Product) -> None:
    [server], [web, _] = product.named("fork server"), product.named("shortener web")
    server.kill()
    web.kill()
    eventually(lambda: len(product.named("shortener web")) == 2 and web not in product.named("shortener web"), 30)


@contextlib.asynccontextmanager
async def supervising(forks: bool, has_head_start: bool = False) -> AsyncIterator[Supervisor]:
    if has_head_start:
        head_start.begin()
    fork_server = ForkServer(os.environ)
    supervisor = Supervisor(fork=fork_server.fork if forks else None)
    try:
        if forks:
            await supervisor.start(fork_server.program)
        yield supervisor
    finally:
        await supervisor.stop()


@pytest.mark.parametrize(
    ("forks", "has_head_start"), [(True, True), (True, False), (False, False)], ids=["head start", "forked", "executed"]
)
async def test_a_command_of_the_program_gives_what_it_printed_or_fails(forks: bool, has_head_start: bool) -> None:
    async with supervising(forks, has_head_start) as supervisor:
        env = dict(os.environ)
        # Larger than a message to the fork server can be.
        env |= {f"PADDING_{n}": "x" * 100_000 for n in range(10)}
        assert await supervisor.run(Program("version", [*SHORTENER, "--version"], env)) == f"{__version__}\n"
        with pytest.raises(CommandFailed):
            await supervisor.run(Program("nothing", [*SHORTENER, "nothing"], env))


@pytest.mark.parametrize("has_head_start", [True, False])
async def test_a_fork_server_that_cannot_import_the_program_fails_the_start(
    has_head_start: bool, capfd: pytest.CaptureFixture[str], tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "orjson.py").write_text("raise ImportError('broken')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.getcwd()}")
    if has_head_start:
        head_start.begin()
    server = ForkServer(os.environ)
    supervisor = Supervisor(fork=server.fork)
    with pytest.raises(Exception, match="fork server could not start: exit code 1"):
        await supervisor.start(server.program)
    await supervisor.stop()
    assert "broken" in capfd.readouterr().err


async def test_a_fork_server_with_a_head_start_is_the_one_that_forks_and_is_started_again_without_one() -> None:
    head_start.begin()
    [begun] = head_start._begun
    server = ForkServer(os.environ)
    supervisor = Supervisor(fork=server.fork)
    try:
        await supervisor.start(server.program)
        assert os.readlink(f"/proc/{begun.pid}/exe") == os.path.realpath(sys.executable)
        os.kill(begun.pid, signal.SIGKILL)
        # By its successor.
        assert await supervisor.run(Program("version", [*SHORTENER, "--version"])) == f"{__version__}\n"
        assert not psutil.pid_exists(begun.pid)
    finally:
        await supervisor.stop()


_ENDS_AT_ONCE = """
from shortener.processes import head_start
head_start.begin()
print(head_start._begun[0].pid)
"""


def test_a_fork_server_ends_with_the_process_that_gave_it_a_head_start() -> None:
    pid = int(subprocess.run([sys.executable, "-c", _ENDS_AT_ONCE], capture_output=True, check=True).stdout)
    eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, 30)


_DRAWS = """
import os, random, secrets
import shortener.main, uuid_utils
def draw():
    return uuid_utils.uuid7().bytes[8:], random.random(), secrets.token_hex()
draw()
for _ in range(2):
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.write(write_end, repr(draw()).encode())
        os._exit(0)
    print(os.read(read_end, 1000).decode())
print(draw())
"""


def test_forks_draw_different_random_numbers() -> None:
    drawn = subprocess.run([sys.executable, "-c", _DRAWS], capture_output=True, text=True, check=True).stdout
    draws = [eval(line) for line in drawn.splitlines()]
    assert len(draws) == 3
    for values in zip(*draws, strict=True):
        assert len(set(values)) == 3


def test_a_fork_counts_its_time_from_its_own_start(product: Product) -> None:
    for fork in product.named("shortener (web|worker)"):
        assert fork.create_time() > psutil.Process(product.process.pid).create_time()
