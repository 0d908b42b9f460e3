"""What commands ask for about links."""

from typing import Any

from shortener.terminal.operations import Call, Operation

_HERE = "shortener.links.commands"

CREATE = Operation("POST", "/links", f"{_HERE}:create")
LIST = Operation("GET", "/links", "shortener.links.list_commands:list_some")
SHOW = Operation("GET", "/links/{code}", f"{_HERE}:show")
EDIT = Operation("PATCH", "/links/{code}", f"{_HERE}:edit")
DELETE = Operation("DELETE", "/links/{code}", f"{_HERE}:delete")
RESTORE = Operation("POST", "/links/{code}/restore", f"{_HERE}:restore")
ALIASES = Operation("GET", "/links/{code}/aliases", f"{_HERE}:aliases")
ADD_ALIAS = Operation("POST", "/links/{code}/aliases", f"{_HERE}:add_alias")
REMOVE_ALIAS = Operation("DELETE", "/links/{code}/aliases/{alias}", f"{_HERE}:remove_alias")


def of_link(operation: Operation, code: str, body: Any = None, **names: str) -> Call:
    """A call about one link. The code may have the link's domain in front: `go.example.com/sale`."""
    domain, slash, code = code.rpartition("/")
    return operation.call(query={"domain": domain if slash else None}, body=body, code=code, **names)
