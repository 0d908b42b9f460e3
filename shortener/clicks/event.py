"""What a redirect writes down of a click, and the batch in which clicks travel."""

from enum import IntEnum

import msgspec
import uuid_utils

# Longer values are cut: they come from strangers, and are stored as they are.
MAX_USER_AGENT = 512
MAX_REFERRER = 1024


class Mark(IntEnum):
    """What the request itself says about not being a person's visit."""

    NONE = 0
    HEAD = 1
    PREFETCH = 2


class Click(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One answered redirect. `at_ms` is in milliseconds since the epoch."""

    link_id: int
    at_ms: int
    address: str
    user_agent: str
    referrer: str
    mark: int = Mark.NONE


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Clicks that are stored together or not at all. The id makes a second delivery recognisable."""

    id: bytes
    clicks: list[Click]


def new_batch(clicks: list[Click]) -> Batch:
    return Batch(uuid_utils.uuid7().bytes, clicks)
