"""An answered redirect is a counted click, whichever part fails: the short form of `make chaos`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.chaos.faults import FAULTS, Fault
from tests.chaos.play import SHORT, is_kept, play
from tests.chaos.site import Site

# Redirects of links in memory go on: nothing on this path has to wait for the part that is away.
GO_ON = ("Valkey away", "PostgreSQL away", "SIGSTOP of Valkey", "SIGSTOP of PostgreSQL")
MAX_GROWTH_MB = 150.0

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder: Path = tmp_path_factory.mktemp("chaos")
    async with Site(folder, abandoned_after_ms=1500) as site:
        yield site


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.times[0]], ids=lambda fault: fault.name)
async def test_what_is_promised_holds_through(site: Site, fault: Fault) -> None:
    outcome = await play(site, fault, SHORT)
    assert is_kept(outcome), outcome
    assert outcome.requests > 100
    if fault.name in GO_ON:
        assert outcome.failed <= outcome.requests / 100, outcome
        assert outcome.during.p50_ms < 50, outcome
        assert outcome.grown_mb < MAX_GROWTH_MB, outcome
