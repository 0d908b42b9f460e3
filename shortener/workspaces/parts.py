"""What can be done with workspaces."""

import contextlib
from collections.abc import AsyncIterator

from shortener.links.parts import EVICTION
from shortener.parts import Part, Parts
from shortener.stores.parts import REDIS
from shortener.workspaces.service import WorkspaceService

WORKSPACES = Part[WorkspaceService]("workspaces")


@contextlib.asynccontextmanager
async def open_workspaces(parts: Parts) -> AsyncIterator[None]:
    parts[WORKSPACES] = WorkspaceService(parts[REDIS], parts[EVICTION])
    yield
