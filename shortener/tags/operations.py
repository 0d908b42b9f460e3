"""What commands ask for about tags."""

from shortener.terminal.operations import Operation

_HERE = "shortener.tags.commands"

LIST = Operation("GET", "/tags", f"{_HERE}:list_some")
EDIT = Operation("PATCH", "/tags/{tag}", f"{_HERE}:edit")
MERGE = Operation("POST", "/tags/{tag}/merge", f"{_HERE}:merge")
DELETE = Operation("DELETE", "/tags/{tag}", f"{_HERE}:delete")
