"""`shortener links qr`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from shortener.errors import OperatorError
from shortener.links.cli import Code
from shortener.links.operations import of_link
from shortener.qr.operations import DRAW
from shortener.terminal.backend import answer

# Part of the group `links`.
commands = typer.Typer()


@commands.command()
def qr(
    code: Code,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file, whose ending tells the format. Default: standard output."),
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--format", help="svg or png. Default: as the file's ending says, or svg.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Width and height in pixels.")] = None,
    margin: Annotated[int | None, typer.Option(help="The quiet zone around the code, in modules.")] = None,
    error_correction: Annotated[
        str | None, typer.Option(help="How much may be damaged: L, M, Q or H (7 to 30 %).")
    ] = None,
    color: Annotated[str | None, typer.Option(help="Of the dark modules: #rrggbb.")] = None,
    background: Annotated[str | None, typer.Option(help="#rrggbb or transparent.")] = None,
    logo: Annotated[bool, typer.Option("--logo", help="Show the workspace's logo.")] = False,
    track: Annotated[bool, typer.Option(help="Tell clicks by the code apart.")] = True,
) -> None:
    """Draw the QR code of a link into a file, or to standard output."""
    to_file = output is not None and str(output) != "-"
    ending = output.suffix.removeprefix(".").lower() if output is not None and to_file else ""
    look = {
        "format": kind or ending or "svg",
        "size": size,
        "margin": margin,
        "error_correction": error_correction,
        "color": color,
        "background": background,
        "logo": logo,
        "track": track,
    }
    if look["format"] == "png" and not to_file and sys.stdout.isatty():
        raise OperatorError("A terminal cannot show a PNG. Name a file with --output, or use a pipe.")
    drawn: bytes = answer(of_link(DRAW, code).with_query(**look))
    if output is not None and to_file:
        output.write_bytes(drawn)
    else:
        sys.stdout.buffer.write(drawn)
