"""Channels that a listener can subscribe to. Pure."""

import uuid
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from shortener.errors import InvalidField
from shortener.links.ids import link_id_of, number_of

MAX_CHANNELS = 100
# In front of the names under which workers publish.
PREFIX = "live:"


class InvalidChannel(InvalidField):
    """A channel is not `me`, `link:` with a link's id, or `workspace:` with a workspace's id; or there are more than
    100."""

    type, title = "invalid-channel", "Invalid channel"

    def __init__(self, reason: str) -> None:
        super().__init__("/channel", reason)


class Channel(NamedTuple):
    """The subject that a listener hears of. `subject` is the number of a link, the id of a workspace, or a user."""

    kind: str
    subject: int | uuid.UUID

    @property
    def name(self) -> str:
        """As listeners name it."""
        if self.kind == "link":
            return f"link:{link_id_of(int(self.subject))}"
        return "me" if self.kind == "user" else f"workspace:{self.subject}"

    @property
    def has_topic(self) -> bool:
        """Whether workers publish for it."""
        return self.kind != "user"

    @property
    def topic(self) -> str:
        """The channel in Redis under which workers publish for it."""
        return f"{PREFIX}{self.kind}:{self.subject}"


def of_link(number: int) -> Channel:
    return Channel("link", number)


def of_workspace(workspace_id: uuid.UUID) -> Channel:
    return Channel("workspace", workspace_id)


def of_user(user_id: int) -> Channel:
    return Channel("user", user_id)


def read_channels(
    names: Sequence[str], user_id: int | None, others: AbstractSet[Channel] = frozenset()
) -> list[Channel]:
    """Channels that a listener wants to have beside others. Raises InvalidChannel."""
    channels = list(dict.fromkeys(_read(name, user_id) for name in names[: MAX_CHANNELS + 1]))
    if len(names) > MAX_CHANNELS or len(others | set(channels)) > MAX_CHANNELS:
        raise InvalidChannel(f"a listener has at most {MAX_CHANNELS} channels")
    return channels


def _read(name: str, user_id: int | None) -> Channel:
    kind, _, subject = name.partition(":")
    if name == "me" and user_id is not None:
        return of_user(user_id)
    if kind == "link" and (number := number_of(subject)) is not None:
        return of_link(number)
    if kind == "workspace":
        try:
            return of_workspace(uuid.UUID(subject))
        except ValueError:
            pass
    raise InvalidChannel("a channel is me, link: with the id of a link, or workspace: with the id of a workspace")


def read_topic(topic: str) -> Channel:
    """The channel of a name that `topic` gave."""
    kind, _, subject = topic.removeprefix(PREFIX).partition(":")
    return Channel(kind, uuid.UUID(subject) if kind == "workspace" else int(subject))
