"""The identity for which a request is counted."""

from typing import NamedTuple

from starlette.types import Scope

from shortener.settings.values import Rate

IDENTITY_KEY = "shortener.identity"


class Identity(NamedTuple):
    """The identity for which a request is counted, with its own `rate` or that of the policy."""

    policy: str
    name: str
    rate: Rate | None = None


def identify(scope: Scope, identity: Identity) -> None:
    """Count this request for this identity instead of its address."""
    scope[IDENTITY_KEY] = identity
