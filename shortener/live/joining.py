"""How a listener comes in."""

from collections.abc import Sequence

from shortener.access.memberships import Caller
from shortener.access.principals import Principal
from shortener.errors import InvalidField, NotFound
from shortener.live.channels import Channel
from shortener.live.hub import Hub
from shortener.live.listener import Listener
from shortener.live.messages import number_in


class InvalidPlace(InvalidField):
    """`after` or `Last-Event-ID` is not the `id` of a message."""

    type, title = "invalid-place", "Invalid place"

    def __init__(self) -> None:
        super().__init__("/after", "it is not the id of a message")


class UnknownChannel(NotFound):
    """The link or workspace of a channel does not exist, or you are not a member of it; `detail` names the channel."""

    type, title = "channel-not-found", "No such channel"

    def __init__(self, channel: Channel) -> None:
        super().__init__(f"There is no channel {channel.name} for you.")


def read_place(text: str | None) -> int | None:
    """Raises InvalidPlace."""
    if not text:
        return None
    number = number_in(text)
    if number is None:
        raise InvalidPlace
    return number


async def join(
    hub: Hub, principal: Principal | None, caller: Caller, client: str, channels: Sequence[Channel], after: int | None
) -> Listener:
    """A listener of all of these channels. Raises UnknownChannel."""
    listener = Listener(principal, caller, client, channels)
    refused = await hub.add(listener, after)
    if refused:
        hub.remove(listener)
        raise UnknownChannel(refused[0])
    return listener
