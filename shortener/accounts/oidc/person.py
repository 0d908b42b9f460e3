"""A person, as the provider knows them."""

from typing import NamedTuple


class Person(NamedTuple):
    """The person that the provider names. `email` is set only if the provider has verified it."""

    issuer: str
    subject: str
    email: str | None
