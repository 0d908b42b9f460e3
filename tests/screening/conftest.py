"""The fixtures of abuse."""

from tests.moderation.conftest import *  # noqa: F403
