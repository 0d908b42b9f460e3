"""A machine may stand still for seconds, all processes at once. A test that fails meanwhile says nothing about the
service, whose promises are about seconds: it is run again. A test that fails while the machine runs has failed."""

import time
import warnings
from threading import Thread

import pytest
from _pytest.runner import runtestprotocol

TRIES = 3
# A machine that is only busy lets a thread wait for less.
NOTICED_S = 0.5
_TICK_S = 0.05


class _Watch(Thread):
    """Sees that it has not run for longer than it meant to sleep."""

    def __init__(self) -> None:
        super().__init__(name="standstills", daemon=True)
        self.lost_s = 0.0

    def run(self) -> None:
        seen_s = time.monotonic()
        while True:
            time.sleep(_TICK_S)
            now_s = time.monotonic()
            if now_s - seen_s >= NOTICED_S:
                self.lost_s += now_s - seen_s
            seen_s = now_s


_watch = _Watch()


def pytest_configure() -> None:
    _watch.start()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for tries_left in reversed(range(TRIES)):
        lost_before_s = _watch.lost_s
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if not tries_left or not any(report.failed for report in reports):
            break
        # The watch may be just as late.
        time.sleep(2 * _TICK_S)
        lost_s = _watch.lost_s - lost_before_s
        if not lost_s:
            break
        warnings.warn(f"run again, since the machine stood still for {lost_s:.1f} s: {item.nodeid}", stacklevel=1)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
