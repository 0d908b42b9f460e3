"""People who share a workspace."""

from tests.workspaces.conftest import *  # noqa: F403
