"""All that a redirect needs to know about a link."""

from enum import StrEnum

import msgspec


class Status(StrEnum):
    MISSING = "missing"
    LIVE = "live"
    WARNED = "warned"
    DISABLED = "disabled"
    EXPIRED = "expired"
    DELETED = "deleted"
    BANNED = "banned"


# Members of an enum are slow to read, and this one is read for each redirect.
LIVE = Status.LIVE


class Target(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A link as the redirect sees it. `expires_at_s` is in seconds since the epoch. `has_warning`: people are
    shown where the link leads, and have to agree."""

    link_id: int
    url: str
    expires_at_s: float | None = None
    is_disabled: bool = False
    is_deleted: bool = False
    is_banned: bool = False
    has_warning: bool = False

    def status(self, now_s: float) -> Status:
        """The status at this moment. It is judged at every hit, so no cache can keep a link alive beyond its expiry."""
        if self.is_deleted:
            return Status.DELETED
        if self.is_banned:
            return Status.BANNED
        if self.is_disabled:
            return Status.DISABLED
        if self.expires_at_s is not None and self.expires_at_s <= now_s:
            return Status.EXPIRED
        if self.has_warning:
            return Status.WARNED
        return LIVE


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Target)


def pack(target: Target) -> bytes:
    return _encoder.encode(target)


def unpack(data: bytes) -> Target:
    """Raises msgspec.DecodeError for what another version, or another program, has written."""
    return _decoder.decode(data)
