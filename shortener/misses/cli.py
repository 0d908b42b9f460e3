"""`shortener misses`."""

from typing import Annotated, Any

import typer

from shortener.misses.operations import LIST
from shortener.terminal.backend import answer_pages
from shortener.terminal.output import AsJson, moment, print_document, print_members, print_table

commands = typer.Typer()


@commands.command()
def misses(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Number of paths.")] = 20, as_json: AsJson = False
) -> None:
    """Show what clients asked for most often and did not exist."""
    print_document(answer_pages(LIST.call(), limit), as_json, _print_misses)


def _print_misses(page: dict[str, Any]) -> None:
    other = f"{page['other']} of paths that are not counted one by one"
    print_members((("misses", f"{page['total']} on all days that are kept"), ("other", other)))
    if page["items"]:
        rows = ((item["path"], item["kind"], item["count"], moment(item["last_at"])) for item in page["items"])
        print_table(("path", "kind", "count", "last"), rows, numbers=["count"])
