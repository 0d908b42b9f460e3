"""The fixtures of abuse."""

from tests.abuse.conftest import *  # noqa: F403
