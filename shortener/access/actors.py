"""Actors of entries in the audit log."""

from typing import NamedTuple

ANONYMOUS = "anonymous"
ACTOR_KEY = "actor"


class Actor(NamedTuple):
    """The actor, with their session or key and their network if they have one."""

    name: str
    means: str | None = None
    client: str | None = None


COMMAND_LINE = Actor("command-line")
WORKER = Actor("worker")
