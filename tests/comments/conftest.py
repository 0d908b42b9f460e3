"""People who share a workspace, with a link in it."""

import pytest

from tests.workspaces.conftest import *  # noqa: F403
from tests.workspaces.conftest import LINKS, URL, Person


@pytest.fixture
async def link(ada: Person, bob: Person, shared: str) -> str:
    """The path of a link in a workspace of Ada's, which Bob may see."""
    await ada.share(shared, bob=(bob, "viewer"))
    made = await ada.post(LINKS, url=URL, code="sale", workspace=shared)
    return f"{LINKS}/{made['code']}"
