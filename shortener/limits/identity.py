"""As whom a request is counted."""

from typing import NamedTuple

from starlette.types import Scope

from shortener.settings.values import Rate

IDENTITY_KEY = "shortener.identity"


class Identity(NamedTuple):
    """As whom a request is counted; with a `rate` of its own, or its policy's."""

    policy: str
    name: str
    rate: Rate | None = None


def identify(scope: Scope, identity: Identity) -> None:
    """Count this request as one of theirs, and not as one of its address."""
    scope[IDENTITY_KEY] = identity
