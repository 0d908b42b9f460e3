"""An answered redirect is a counted click, whichever part fails: the short form of `make chaos`."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.chaos.disks import may_mount
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.play import SHORT, broken, play
from tests.chaos.site import Site

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with Site(tmp_path_factory.mktemp("chaos"), abandoned_after_ms=1500) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site_of_small_disks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    if not may_mount():
        pytest.skip("mounting a disk that can be filled is not allowed here: run as root")
    async with Site(tmp_path_factory.mktemp("chaos"), abandoned_after_ms=1500, small_disks=True) as site:
        yield site


def _faults(small_disks: bool) -> pytest.MarkDecorator:
    faults = [fault for fault in FAULTS if fault.times[0] and fault.small_disks == small_disks]
    return pytest.mark.parametrize("fault", faults, ids=lambda fault: fault.name)


@_faults(small_disks=False)
async def test_what_is_promised_holds_through(site: Site, fault: Fault) -> None:
    outcome = await play(site, fault, SHORT)
    assert not broken(outcome, SHORT), outcome
    assert outcome.requests > 100


@_faults(small_disks=True)
async def test_what_is_promised_holds_while(site_of_small_disks: Site, fault: Fault) -> None:
    outcome = await play(site_of_small_disks, fault, SHORT)
    assert not broken(outcome, SHORT), outcome
    assert outcome.requests > 100
