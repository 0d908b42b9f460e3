"""`shortener stats`."""

from typing import Annotated, Any

import typer

from shortener.figures.operations import STATS
from shortener.links.cli import Code
from shortener.links.operations import SHOW, of_link
from shortener.terminal.backend import backend
from shortener.terminal.output import AsJson, print_document, print_members, print_table

commands = typer.Typer()

# Values of a breakdown that people see.
_SHOWN = 5


@commands.command()
def stats(
    code: Code,
    since: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="MOMENT", help="A date or a moment. Default: 30 days, or 12 weeks or months, ago."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="MOMENT", help="A date, which is included, or a moment. Default: now.")
    ] = None,
    interval: Annotated[str | None, typer.Option(help="Of the series: hour, day, week or month. Default: day.")] = None,
    tz: Annotated[str | None, typer.Option(help="Time zone of the series, such as Europe/Berlin.")] = None,
    bots: Annotated[bool, typer.Option("--bots", help="Count bots in the breakdowns too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a link's figures, for the last 30 days unless another span is named."""
    asked = {"from": since, "to": until, "interval": interval, "tz": tz, "bots": bots or None}
    with backend() as answering:
        figures = answering.answer(of_link(STATS, code).with_query(**asked))
        # Who reads figures need not be allowed to read links: programs ask for nothing more.
        link = None if as_json else answering.answer(of_link(SHOW, code))
    print_document(figures, as_json, lambda figures: _print_figures(link, figures))


def _print_figures(link: Any, figures: dict[str, Any]) -> None:
    print_members(
        (
            ("link", f"{link['short_url']} → {link['url']}"),
            ("clicks", f"{link['clicks']} in all; {figures['clicks']} in this span"),
            ("visitors", f"{figures['visitors']}"),
            ("bots", f"{figures['bots']}"),
        )
    )
    rows = [
        (name if n == 0 else "", count["value"] or "–", count["clicks"])
        for name, counts in figures.items()
        if isinstance(counts, list) and name != "series"
        for n, count in enumerate(counts[:_SHOWN])
    ]
    if rows:
        print_table(("", "value", "clicks"), rows, numbers=["clicks"])
