"""What commands ask for about misses."""

from shortener.terminal.operations import Operation

LIST = Operation("GET", "/admin/misses", "shortener.misses.commands:list_some")
