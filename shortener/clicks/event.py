"""A click as a redirect records it, and the batch in which clicks travel."""

from enum import IntEnum

import msgspec
import uuid_utils

# Longer values are cut: they come from strangers, and are stored unchanged.
MAX_USER_AGENT = 512
MAX_REFERRER = 1024
MAX_QUERY = 2048
MAX_LANGUAGES = 256


class Mark(IntEnum):
    """The request's own mark that it is not a person's visit."""

    NONE = 0
    HEAD = 1
    PREFETCH = 2


class Source(IntEnum):
    """How the visitor came to the link."""

    LINK = 0
    QR = 1


class Choice(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a link with options decided: the names of the rule or the variant that answered, and whether the click has
    been charged to the link's limit."""

    rule: str | None = None
    variant: str | None = None
    is_charged: bool = False


class Click(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One answered redirect. `at_ms` is in milliseconds since the epoch; `query` and `languages` (Accept-Language) are
    as they were sent. A worker of the version before ignores members that it does not know: new ones stand at the
    end."""

    link_id: int
    at_ms: int
    address: str
    user_agent: str
    referrer: str
    mark: int = Mark.NONE
    choice: Choice | None = None
    source: int = Source.LINK
    query: bytes = b""
    languages: bytes = b""


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Clicks that are stored together or not at all. The id reveals a second delivery."""

    id: bytes
    clicks: list[Click]


def new_batch(clicks: list[Click]) -> Batch:
    return Batch(uuid_utils.uuid7().bytes, clicks)
