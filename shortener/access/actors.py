"""Who does something that is written to the audit log."""

from typing import NamedTuple

ANONYMOUS = "anonymous"
ACTOR_KEY = "actor"


class Actor(NamedTuple):
    """Who does it; by which session or key, and from which network, where there are such."""

    name: str
    means: str | None = None
    client: str | None = None


COMMAND_LINE = Actor("command-line")
WORKER = Actor("worker")
