"""What commands ask for: requests of the API, which a server answers, or the services on this machine."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Operation(NamedTuple):
    """An operation of the API; the path is what follows `/api/v1`. `local` is the function that does the same on this
    machine, as `module:name`: it is imported only where it is used, since imports are most of a command's time."""

    method: str
    path: str
    local: str

    def call(self, *, query: Mapping[str, Any] | None = None, body: Any = None, **names: str) -> "Call":
        """`names` are the parameters of the path. Members of the query that are None are left out."""
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        return Call(self, names, asked, body)


class Call(NamedTuple):
    operation: Operation
    names: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any

    def with_query(self, **more: Any) -> "Call":
        """Members that are None are left out."""
        return self._replace(query={**self.query, **{name: value for name, value in more.items() if value is not None}})
