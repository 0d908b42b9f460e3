"""Who somebody is at the provider."""

from typing import NamedTuple


class Person(NamedTuple):
    """Who the provider says somebody is. `email` is there only when the provider has verified it."""

    issuer: str
    subject: str
    email: str | None
