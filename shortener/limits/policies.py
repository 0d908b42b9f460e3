"""Named rates, and the verdict of a limit on a request."""

from functools import lru_cache

import msgspec

from shortener.errors import TooManyRequests
from shortener.settings.values import ByteRate, Rate


def split_head(head: bytes) -> list[tuple[bytes, bytes]]:
    """Header lines in ASGI's form."""
    return [(name, value) for name, _, value in (line.partition(b": ") for line in head.splitlines())]


class TooManyBytes(TooManyRequests):
    """The client, user or key has used up its limit of bytes of bulk requests: `SHORTENER_LIMIT_API_BYTES`,
    `SHORTENER_LIMIT_ACCOUNT_BYTES`. The body was not read.

    Wait for `Retry-After` seconds.
    """

    type, title = "too-many-bytes", "Too many bytes"


class Policy(msgspec.Struct, frozen=True, gc=False):
    """A named rate, with the constant part of its headers."""

    rate: Rate
    head_form: bytes


@lru_cache
def policy_of(name: str, rate: Rate) -> Policy:
    """The usual headers, and those of draft-ietf-httpapi-ratelimit-headers."""
    unit = ';qu="content-bytes"' if isinstance(rate, ByteRate) else ""
    form = (
        f"x-ratelimit-limit: {rate.quota}\r\nx-ratelimit-remaining: %d\r\nx-ratelimit-reset: %d\r\n"
        f'ratelimit-policy: "{name}";q={rate.quota}{unit};w={rate.window_s}\r\nratelimit: "{name}";r=%d;t=%d\r\n'
    )
    return Policy(rate, form.encode())


class LimitVerdict(msgspec.Struct, frozen=True, gc=False):
    """A policy's verdict on one request; `reset_s` is the time to the end of its window."""

    policy: Policy
    is_allowed: bool
    remaining: int
    reset_s: int

    def head(self) -> bytes:
        """Header lines with their line ends."""
        remaining, reset_s = self.remaining, self.reset_s
        return self.policy.head_form % (remaining, reset_s, remaining, reset_s)

    def refusal(self) -> TooManyRequests:
        rate = self.policy.rate
        is_of_bytes = isinstance(rate, ByteRate)
        what = "bytes of bulk requests" if is_of_bytes else "requests"
        detail = (
            f"At most {rate.quota} {what} in {rate.window_s} seconds are allowed here. "
            f"Try again in {self.reset_s} seconds."
        )
        headers = {"Retry-After": str(self.reset_s)}
        return TooManyBytes(detail, headers=headers) if is_of_bytes else TooManyRequests(detail, headers=headers)
