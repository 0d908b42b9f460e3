"""What commands ask for about domains."""

from shortener.terminal.operations import Operation

_HERE = "shortener.domains.commands"

LIST = Operation("GET", "/domains", f"{_HERE}:list_all")
ADD = Operation("POST", "/domains", f"{_HERE}:add")
VERIFY = Operation("POST", "/domains/{host}/verify", f"{_HERE}:verify")
TRUST = Operation("POST", "/admin/domains/{host}/verify", f"{_HERE}:trust")
EDIT = Operation("PATCH", "/domains/{host}", f"{_HERE}:edit")
REMOVE = Operation("DELETE", "/domains/{host}", f"{_HERE}:remove")
