"""One round of load on one target: by wrk where it is installed, else by our own client. Here it is decided."""

import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.load.heads import BARE_HEAD

SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 64
HAS_WRK = shutil.which("wrk") is not None
TOOL = "wrk" if HAS_WRK else "our own asyncio client"

_SPREAD_LUA = """
math.randomseed(os.time())
request = function() return wrk.format("GET", string.format("/x%07x", math.random(0, {links} - 1))) end
"""


class Target(NamedTuple):
    """A URL, or with `links` any of so many codes there (`stock.code`), evenly by chance. Every answer has `status`."""

    name: str
    url: str
    links: int = 0
    status: int = 302
    headers: Mapping[str, str] = BARE_HEAD

    def with_head(self, headers: Mapping[str, str]) -> "Target":
        return self._replace(headers=headers)


class Round(NamedTuple):
    rate: float
    p99_ms: float


def run(target: Target, seconds: float, connections: int = CONNECTIONS) -> Round:
    """Raises RuntimeError when any answer has another status than the target's."""
    return (_wrk if HAS_WRK else own_client)(target, seconds, connections)


def _wrk(target: Target, seconds: float, connections: int) -> Round:
    argv = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if target.links:
            script.write(_SPREAD_LUA.format(links=target.links))
            script.flush()
            argv += ["-s", script.name]
        argv += [part for name, value in target.headers.items() for part in ("-H", f"{name}: {value}")]
        out = subprocess.run([*argv, target.url], capture_output=True, text=True, check=True).stdout
    if "Socket errors" in out or _errors(out) != (_requests(out) if target.status >= 400 else 0):
        raise RuntimeError(f"{target.name}: {out}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", out)
    assert rate is not None
    assert p99 is not None
    return Round(float(rate[1]), float(p99[1]) * {"us": 0.001, "ms": 1, "s": 1000}[p99[2]])


def _requests(out: str) -> int:
    found = re.search(r"(\d+) requests in", out)
    assert found is not None
    return int(found[1])


def _errors(out: str) -> int:
    found = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return 0 if found is None else int(found[1])


def own_client(target: Target, seconds: float, connections: int) -> Round:
    options = [f"--seconds={seconds:g}", f"--connections={connections}", f"--links={target.links}"]
    options += [f"--header={name}: {value}" for name, value in target.headers.items()]
    found = ask(target.url, *options)
    if found["statuses"].keys() != {str(target.status)} or found["unanswered"]:
        raise RuntimeError(f"{target.name}: {found}")
    return Round(found["rate"], found["p99_ms"])


def ask(url: str, *options: str) -> dict[str, Any]:
    """What our own client finds, run with these options of its on the load's core."""
    argv = ["taskset", "-c", str(LOAD_CORE), sys.executable, "-m", "tests.load.client", url, *options]
    found: dict[str, Any] = json.loads(subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return found


class Summary(NamedTuple):
    """Results of a target's rounds: rates per second, and the median of their 99th percentiles."""

    median: float
    lowest: float
    highest: float
    p99_ms: float

    @property
    def spread(self) -> str:
        return f"{self.lowest:,.0f} – {self.highest:,.0f}"


def summarise(rounds: Sequence[Round]) -> Summary:
    rates = [one.rate for one in rounds]
    return Summary(statistics.median(rates), min(rates), max(rates), statistics.median(one.p99_ms for one in rounds))
