"""The fixtures of accounts."""

from tests.accounts.conftest import *  # noqa: F403
