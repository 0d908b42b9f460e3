"""Rates under their names, and what a limit says of a request."""

from functools import lru_cache

import msgspec

from shortener.errors import TooManyRequests
from shortener.settings.values import ByteRate, Rate


def split_head(head: bytes) -> list[tuple[bytes, bytes]]:
    """Lines of headers as ASGI wants them."""
    return [(name, value) for name, _, value in (line.partition(b": ") for line in head.splitlines())]


class TooManyBytes(TooManyRequests):
    type, title = "too-many-bytes", "Too many bytes"


class Policy(msgspec.Struct, frozen=True, gc=False):
    """A rate under its name, and what is the same in the headers of all its verdicts."""

    rate: Rate
    head_form: bytes


@lru_cache
def policy_of(name: str, rate: Rate) -> Policy:
    """Its headers are those that people know, and those of the IETF's draft (draft-ietf-httpapi-ratelimit-headers)."""
    unit = ';qu="content-bytes"' if isinstance(rate, ByteRate) else ""
    form = (
        f"x-ratelimit-limit: {rate.quota}\r\nx-ratelimit-remaining: %d\r\nx-ratelimit-reset: %d\r\n"
        f'ratelimit-policy: "{name}";q={rate.quota}{unit};w={rate.window_s}\r\nratelimit: "{name}";r=%d;t=%d\r\n'
    )
    return Policy(rate, form.encode())


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What a policy says of one request: `reset_s` is when its window ends."""

    policy: Policy
    is_allowed: bool
    remaining: int
    reset_s: int

    def head(self) -> bytes:
        """Lines of headers, each with its end."""
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
