"""All that a redirect needs to know about a link."""

from enum import StrEnum

import msgspec

from shortener.redirect.options import NO_OPTIONS, Extras, Options


class Status(StrEnum):
    MISSING = "missing"
    LIVE = "live"
    WARNED = "warned"
    DISABLED = "disabled"
    EXPIRED = "expired"
    USED_UP = "used up"
    SCHEDULED = "scheduled"
    DELETED = "deleted"
    BANNED = "banned"


# Members of an enum are slow to read, and this one is read for each redirect.
LIVE = Status.LIVE


class Target(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A link as the redirect sees it. `expires_at_s` is in seconds since the epoch. `has_warning`: people are
    shown where the link leads, and have to agree. A plain link has no `extras`."""

    link_id: int
    url: str
    expires_at_s: float | None = None
    is_disabled: bool = False
    is_deleted: bool = False
    is_banned: bool = False
    has_warning: bool = False
    extras: Extras | None = None

    def status(self, now_s: float) -> Status:
        """The status at this moment. It is judged at every hit, so no cache can keep a link alive beyond its expiry."""
        if self.is_deleted:
            return Status.DELETED
        if self.is_banned:
            return Status.BANNED
        if self.is_disabled:
            return Status.DISABLED
        if self.extras is not None and (self.extras.starts_at_s or 0) > now_s:
            return Status.SCHEDULED
        if self.expires_at_s is not None and self.expires_at_s <= now_s:
            return Status.EXPIRED
        if self.has_warning:
            return Status.WARNED
        return LIVE

    @property
    def options(self) -> Options:
        return NO_OPTIONS if self.extras is None else self.extras.options

    def urls(self) -> list[str]:
        """Everything that it may lead to."""
        return [self.url] if self.extras is None else [self.url, *self.extras.options.urls()]


# Kept for a code: its link, or the code of the link whose alias it is.
Entry = Target | str


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Entry] = msgspec.msgpack.Decoder(Entry)


def pack(entry: Entry) -> bytes:
    return _encoder.encode(entry)


def unpack(data: bytes) -> Entry:
    """Raises msgspec.DecodeError for what another version, or another program, has written."""
    return _decoder.decode(data)
