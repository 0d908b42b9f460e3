"""Commands for operators: start the product or a part of it, migrate the database, examine and fill an installation."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from shortener.processes.local_settings import local_settings
from shortener.terminal.output import AsJson, print_document, print_lines, print_table
from shortener.terminal.progress import Progress

if TYPE_CHECKING:
    from shortener.settings import Settings

commands = typer.Typer()
clicks = typer.Typer(name="clicks", help="Batches of clicks that could not be counted.", no_args_is_help=True)
console = Console()


@commands.command()
def up() -> None:
    """Run everything on this machine: embedded servers where no URL is set, migrations, web and worker."""
    from setproctitle import setproctitle

    from shortener.observability.logging import configure_logging
    from shortener.operations.up import up as run_all
    from shortener.settings import get_settings

    settings = get_settings()
    configure_logging(settings)
    setproctitle("shortener up")
    asyncio.run(run_all(settings, console))


@commands.command(hidden=True)
def prepare() -> None:
    """Do what `up` does before it starts web and worker."""
    from shortener.operations.prepare import prepare as command

    print(asyncio.run(command(local_settings())))  # noqa: T201  (for `up` to read)


@commands.command()
def web(
    workers: Annotated[int | None, typer.Option(min=1, help="Processes. Default: SHORTENER_WEB_PROCESSES.")] = None,
    fd: Annotated[int | None, typer.Option(hidden=True, help="A listening socket to serve on.")] = None,
) -> None:
    """Serve redirects, API and documentation."""
    from setproctitle import setproctitle

    from shortener.observability.exposition import serving_own_metrics
    from shortener.observability.logging import configure_logging
    from shortener.processes.listening import bind
    from shortener.settings import get_settings, load_settings

    settings = get_settings() if workers is None else load_settings(web_processes=workers)
    if fd is not None:
        setproctitle("shortener web")
        _serve(settings, socket.socket(fileno=fd))
        return
    settings.require("database_url", "redis_url", "secret_key")
    configure_logging(settings)
    with bind(settings) as listener:
        setproctitle("shortener web")
        if settings.web_processes == 1:
            with serving_own_metrics(settings):
                _serve(settings, listener)
        else:
            from shortener.operations.up import run_web

            asyncio.run(run_web(settings, listener))


def _serve(settings: "Settings", listener: socket.socket) -> None:
    # Imported late: a supervisor serves nothing itself.
    from shortener.processes.web import serve

    serve(settings, listener)


@commands.command()
def worker() -> None:
    """Write clicks to the database, and run periodic jobs."""
    from setproctitle import setproctitle

    from workers.main import run

    setproctitle("shortener worker")
    asyncio.run(run())


@commands.command()
def migrate(as_json: AsJson = False) -> None:
    """Migrate the database to this version's schema."""
    from shortener.stores.migration import upgrade
    from shortener.stores.revision import head_revision

    settings = local_settings()
    settings.require("database_url")
    upgrade(settings.database_url)
    migrated = {"revision": head_revision()}
    print_document(migrated, as_json, lambda migrated: print_lines([f"The database is at {migrated['revision']}."]))


@commands.command()
def seed(
    links: Annotated[int, typer.Option(min=1, help="Number of links.")] = 100,
    clicks: Annotated[int, typer.Option(min=0, help="Number of clicks in total; the first links get most.")] = 100_000,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Number of days before today that get clicks.")] = 365,
    code: Annotated[str | None, typer.Option(help="Create one link with this code instead of many.")] = None,
    number: Annotated[
        int, typer.Option("--seed", min=0, help="The same number makes the same data, on the same day.")
    ] = 1,
    force: Annotated[bool, typer.Option("--force", help="Even if the database already holds links.")] = False,
) -> None:
    """Fill the database with sample links, clicks and misses, for trying things out."""
    from shortener.operations.commands import seed as command

    settings = local_settings()
    with Progress("clicks", total=clicks) as progress:
        asyncio.run(command(settings, 1 if code else links, clicks, days, code, force, number, progress.advance))


@commands.command()
def doctor(as_json: AsJson = False) -> None:
    """Check settings, database, migrations, Redis, worker and clock, and say what to do."""
    from shortener.operations.doctor import examine

    findings = asyncio.run(examine(local_settings()))
    print_document({"findings": [finding._asdict() for finding in findings]}, as_json, _print_findings)
    if any(finding.advice is not None for finding in findings):
        raise typer.Exit(1)


def _print_findings(found: dict[str, Any]) -> None:
    for finding in found["findings"]:
        sign = "[green]ok[/green]  " if finding["advice"] is None else "[red]fail[/red]"
        console.print(f"{sign}  {finding['name']:<11} {finding['detail']}", highlight=False, soft_wrap=True)
        if finding["advice"] is not None:
            console.print(f"                  → {finding['advice']}", highlight=False, soft_wrap=True)


@clicks.command()
def dead(
    limit: Annotated[int, typer.Option(min=1, help="Number of batches to list, oldest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List batches that could not be counted, with the reason and the age of each."""
    from shortener.clicks.commands import dead_letters

    print_document(asyncio.run(dead_letters(local_settings(), limit)), as_json, _print_letters)


def _print_letters(found: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    rows = (
        (each["id"], each["reason"], _age(now - datetime.fromisoformat(each["buried_at"]))) for each in found["items"]
    )
    print_table(("id", "reason", "age"), rows)


def _age(age: timedelta) -> str:
    seconds = age.total_seconds()
    for unit, length_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds // length_s:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


@clicks.command()
def replay(
    limit: Annotated[int | None, typer.Option(min=1, help="Number of batches, oldest first. Default: all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Requeue these batches after a fix; no click is counted twice."""
    from shortener.clicks.commands import replay as command

    replayed = {"batches": asyncio.run(command(local_settings(), limit))}
    print_document(replayed, as_json, lambda replayed: print_lines([replayed["batches"]]))
