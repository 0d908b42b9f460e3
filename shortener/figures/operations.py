"""What commands ask for about figures."""

from shortener.terminal.operations import Operation

STATS = Operation("GET", "/links/{code}/stats", "shortener.figures.commands:stats")
