"""A mixed load by locust: against a product of its own with limits off, or against a running server.

`make load` runs it. It prints rates and percentiles of each kind of request, and compares the clicks that the server
has counted with the links that were followed.
"""

import argparse
import contextlib
import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import gevent
import locust
from gevent.event import Event
from locust.env import Environment
from locust.stats import StatsEntry
from requests import HTTPError

from tests.e2e.product import Product
from tests.load import locustfile
from tests.load.locustfile import CREATE, EDIT, FIGURES, FOLLOW, LIST, Developer, LoadRefused, Visitor
from tests.load.page import table, write

COUNTED_WITHIN_S = 30
WEB_HOST, WEB_PORT = "127.0.0.1", 8089
_ALL_OFF = {f"limit_{name}": "off" for name in ("api", "account", "login", "redirect", "miss")}
_KINDS = (FOLLOW, CREATE, EDIT, LIST, FIGURES)


@contextlib.contextmanager
def own_product() -> Iterator[tuple[str, str]]:
    """The address of a new product without limits, and its first admin's key."""
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder) / "data", **_ALL_OFF)  # type: ignore[arg-type]
        try:
            product.wait_until_ready()
            key = re.search(r"shr_\w+", product.output())
            assert key is not None, product.output()
            yield product.url, key[0]
        finally:
            product.end()


def run(host: str, users: int, seconds: float, with_page: bool) -> Environment:
    """The environment of a run that has ended: after `seconds`, or when the page's reader presses Ctrl-C."""
    environment = Environment(host=host, user_classes=[Visitor, Developer], events=locust.events, stop_timeout=10)
    runner = environment.create_local_runner()
    ended = Event()
    gevent.signal_handler(signal.SIGINT, ended.set)
    if with_page:
        # The page parses the command line once more, as locust's own.
        del sys.argv[1:]
        environment.create_web_ui(WEB_HOST, WEB_PORT)
        print(f"Open http://{WEB_HOST}:{WEB_PORT} in a browser. Ctrl-C ends it.", flush=True)
        ended.wait()
    else:
        locustfile.links.make(host, locustfile.key_of_run())
        runner.start(users, spawn_rate=users)
        ended.wait(seconds)
    # Users end the request that is under way, so that each answer is seen.
    runner.stop()
    runner.quit()
    return environment


def report(environment: Environment) -> str:
    head = ("request", "requests/s", "failed", "median", "95 %", "99 %")
    entries = {entry.name: entry for entry in environment.stats.entries.values()}
    return table(head, [_row(entries[kind]) for kind in _KINDS if kind in entries])


def _row(entry: StatsEntry) -> tuple[str, ...]:
    percentiles = (f"{entry.get_response_time_percentile(share):,.0f} ms" for share in (0.5, 0.95, 0.99))
    return (entry.name, f"{entry.total_rps:,.0f}", f"{entry.num_failures:,}", *percentiles)


def limited(environment: Environment) -> int:
    """Requests that limits refused."""
    errors = environment.stats.errors.values()
    return sum(error.occurrences for error in errors if "429" in str(error.error))


def miscounted(host: str) -> Counter[str]:
    """The links whose clicks the server has not counted as they were followed, within some seconds. Raises HTTPError
    when a limit refuses to show them."""
    deadline = time.monotonic() + COUNTED_WITHIN_S
    links = locustfile.links
    while True:
        counted = links.counted(host, locustfile.key_of_run())
        wrong = Counter({code: counted[code] - links.followed[code] for code in links.codes})
        if not any(wrong.values()) or time.monotonic() > deadline:
            return Counter({code: difference for code, difference in wrong.items() if difference})
        time.sleep(0.5)


def conclude(environment: Environment, host: str) -> bool:
    """Print the results of the run. False if something is wrong with the server."""
    print(report(environment), flush=True)
    refused = limited(environment)
    if refused:
        print(
            f"Limits refused {refused:,} of {environment.stats.total.num_requests:,} requests. To lift them, start the "
            "server with SHORTENER_LIMIT_API, _ACCOUNT, _REDIRECT and _MISS set to off."
        )
    failures = environment.stats.total.num_failures - refused
    for error in environment.stats.errors.values():
        if "429" not in str(error.error):
            print(f"failed {error.occurrences:,} times: {error.name}: {error.error}")
    followed = locustfile.links.followed.total()
    try:
        wrong = miscounted(host)
    except HTTPError as error:
        print(f"{followed:,} links followed. Their clicks could not be read: {error}")
        return not failures
    print(f"{followed:,} links followed, and each counted." if not wrong else f"Not counted as followed: {dict(wrong)}")
    return not failures and not wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", help="address of a running server; else a product of its own is started")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--page", action="store_true", help="open locust's own page instead of a run")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        host = options.host
        if host is None:
            host, os.environ["LOAD_KEY"] = stack.enter_context(own_product())
        try:
            environment = run(host.rstrip("/"), options.users, options.seconds, options.page)
            is_well = conclude(environment, host.rstrip("/"))
        except LoadRefused as refusal:
            print(refusal)
            return 1
    if options.write:
        write("locust", report(environment))
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
