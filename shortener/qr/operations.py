"""What commands ask for about QR codes."""

from shortener.terminal.operations import Operation

DRAW = Operation("GET", "/links/{code}/qr", "shortener.qr.commands:draw")
