"""A real browser for tests (`browser`), and a site that links lead to (`destination`).

Any Chromium or Chrome that is installed will do. Without one these tests are skipped, and the last lines of a run say
how to get one.
"""

import contextlib
import shutil
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# In a container Chromium has no sandbox of its own, and little shared memory.
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking")
MARK = "browser"
_NO_PARAMETERS = SimpleNamespace(params={})
NO_BROWSER = "no Chromium is installed: apt-get install chromium"


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Reports do not say which fixtures a test has had. Marks go with them, even from another process."""
    for item in items:
        # A parameter may have the same name.
        names = set(getattr(item, "fixturenames", ())) - getattr(item, "callspec", _NO_PARAMETERS).params.keys()
        if "browser" in names:
            item.add_marker(MARK)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Behind everything else that pytest sums up."""
    yield

    def count(*outcomes: str) -> int:
        reports = [report for outcome in outcomes for report in terminalreporter.getreports(outcome)]
        return sum(MARK in report.keywords for report in reports if isinstance(report, pytest.TestReport))

    ran, skipped = count("passed", "failed"), count("skipped")
    if ran or skipped:
        advice = f", {skipped} skipped: {NO_BROWSER}" if skipped else ""
        terminalreporter.write_sep("-", f"tests in a browser: {ran} ran{advice}")


@contextlib.asynccontextmanager
async def chromium(*arguments: str) -> AsyncIterator["Browser"]:
    """Chromium without a window. Skips the test where none is installed."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(NO_BROWSER)
    # Most tests do without.
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *arguments])
        yield browser
        await browser.close()


@pytest.fixture
async def browser() -> AsyncIterator["Browser"]:
    """A browser of the test's own. `new_page()` and `new_context()` begin without cookies."""
    async with chromium() as browser:
        yield browser


class _Destination(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>Arrived</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def destination() -> Iterator[str]:
    """The URL of a site whose every page has the title Arrived."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Destination) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
