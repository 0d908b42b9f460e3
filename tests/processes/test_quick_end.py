"""A command ends as it would without the shortcut: with its exit code and all that it has printed."""

import os
import subprocess
import sys

import pytest

ENDS = """
import sys
from shortener.processes import quick_end
def command():
    print("out")
    {how}
quick_end.run(command)
"""


def ended(how: str, **options) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", ENDS.format(how=how)]
    # Output that nobody flushes.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(argv, env=env, stderr=subprocess.PIPE, text=True, check=False, **options)


@pytest.mark.parametrize(
    ("how", "code", "error"),
    [
        ("pass", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('why')", 1, "why\n"),
        ("raise ValueError('why')", 1, "ValueError: why\n"),
        ("raise KeyboardInterrupt", 1, "KeyboardInterrupt\n"),
    ],
)
def test_the_exit_code_and_the_output_are_those_of_the_command(how: str, code: int, error: str) -> None:
    done = ended(how, stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (code, "out\n")
    assert done.stderr.endswith(error)
    assert bool(done.stderr) == bool(error)


def test_a_reader_that_has_gone_is_not_an_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = ended("pass", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
