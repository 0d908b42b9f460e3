"""A test that fails while the machine stands still is run again, and no other is."""

import pytest

pytest_plugins = ["pytester"]

STOPS_ITSELF = """
import os, signal, subprocess, time

def stand_still():
    waker = subprocess.Popen(["sh", "-c", f"while sleep 0.8; do kill -CONT {os.getpid()}; done"])
    gap_s = 0
    while gap_s < 0.5:
        stopped_at_s = time.monotonic()
        os.kill(os.getpid(), signal.SIGSTOP)
        gap_s = time.monotonic() - stopped_at_s
    waker.kill()
    waker.wait()

def note(name):
    with open(name, "a") as file:
        return file.write("x") and file.tell()
"""


@pytest.fixture
def run(pytester: pytest.Pytester):
    def run(test: str) -> dict[str, int]:
        pytester.makepyfile(STOPS_ITSELF + test)
        options = ("-p", "tests.standstills", "-p", "no:cacheprovider", "-p", "no:asyncio")
        return pytester.runpytest_subprocess(*options).parseoutcomes()

    return run


def tries(pytester: pytest.Pytester) -> int:
    return len((pytester.path / "tries").read_text())


def test_what_fails_while_the_machine_stands_still_is_run_again(run, pytester):
    found = run("""
def test_a():
    if note("tries") == 1:
        stand_still()
        assert False
""")
    assert (found, tries(pytester)) == ({"passed": 1, "warnings": 1}, 2)


def test_what_fails_each_time_has_failed(run, pytester):
    found = run("""
def test_a():
    note("tries")
    stand_still()
    assert False
""")
    assert (found, tries(pytester)) == ({"failed": 1, "warnings": 2}, 3)


def test_what_fails_while_the_machine_runs_has_failed(run, pytester):
    found = run("""
import pytest
from tests import standstills

# However busy the machine is.
standstills.NOTICED_S = 60

@pytest.fixture
def late():
    yield
    assert False

def test_a(late):
    note("tries")

def test_b():
    assert False
""")
    assert (found, tries(pytester)) == ({"failed": 1, "passed": 1, "errors": 1}, 1)


def test_what_passes_though_the_machine_stood_still_has_passed(run, pytester):
    found = run("""
def test_a():
    note("tries")
    stand_still()
""")
    assert (found, tries(pytester)) == ({"passed": 1}, 1)
