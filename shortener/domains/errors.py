"""Errors of domains."""

from shortener.errors import Conflict, InvalidField, NotFound


class DomainNotFound(NotFound):
    """The domain does not exist, or it is not one of your workspaces'.

    `GET /api/v1/domains`
    """

    type, title = "domain-not-found", "No such domain"

    def __init__(self, host: str) -> None:
        super().__init__(f"You have no domain {host}.")


class InvalidHost(InvalidField):
    """The host cannot become a domain: it is an address, has no dot, is a public suffix such as `co.uk`, or is this
    service's own.

    Use a name such as `go.example.com`.
    """

    type, title = "invalid-host", "Invalid host"

    def __init__(self, reason: str) -> None:
        super().__init__("/host", reason)


class DomainTaken(Conflict):
    """Another workspace holds the domain.

    Ask its owners to remove it. If they do not, remove their TXT record and verify yours a day later.
    """

    type, title = "domain-taken", "Domain taken"

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is another workspace's domain.")


class DomainNotVerified(Conflict):
    """The TXT record was not found, or no name server answered; `detail` says which.

    Set the record that the answer of `POST /api/v1/domains` names, and try again: new records take up to an hour.
    """

    type, title = "domain-not-verified", "Domain not verified"


class TooManyDomains(Conflict):
    """The workspace has 100 domains.

    Remove some.
    """

    type, title = "too-many-domains", "Too many domains"
