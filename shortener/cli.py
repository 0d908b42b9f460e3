"""The command line."""

import asyncio
import errno
import re
import socket
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from setproctitle import setproctitle

from shortener import __version__
from shortener.accounts.cli import key, user
from shortener.errors import ShortenerError
from shortener.moderation.cli import ban
from shortener.observability.exposition import MetricsPortInUse, serving_own_metrics
from shortener.observability.logging import configure_logging
from shortener.processes.embedded.data_directory import DataDirectoryInUse, DirectoryUnusable
from shortener.processes.local_settings import local_settings
from shortener.processes.supervisor import CommandFailed, StartFailed
from shortener.processes.web import PortInUse
from shortener.settings import get_settings, load_settings
from shortener.settings.source import SettingsError

app = typer.Typer(
    help="Short links that count every click.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
console = Console()
error_console = Console(stderr=True)

app.add_typer(user, name="user")
app.add_typer(key, name="key")
app.add_typer(ban, name="ban")
clicks = typer.Typer(help="Batches of clicks that could not be counted.", no_args_is_help=True)
app.add_typer(clicks, name="clicks")


def _version(wanted: bool) -> None:
    if wanted:
        console.print(__version__, highlight=False)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Short links that count every click."""


@app.command()
def up() -> None:
    """Run everything on this machine: embedded servers where no URL is set, migrations, web and worker."""
    from shortener.operations.up import up as run_all

    settings = get_settings()
    configure_logging(settings)
    setproctitle("shortener up")
    asyncio.run(run_all(settings, console))


@app.command(hidden=True)
def prepare() -> None:
    """Do what `up` does before it starts web and worker."""
    from shortener.operations.prepare import prepare as command

    print(asyncio.run(command(local_settings())))  # noqa: T201  (for `up` to read)


@app.command()
def web(
    workers: Annotated[int | None, typer.Option(min=1, help="Processes. Default: SHORTENER_WEB_PROCESSES.")] = None,
    fd: Annotated[int | None, typer.Option(hidden=True, help="A listening socket to serve on.")] = None,
) -> None:
    """Serve redirects, API and documentation."""
    from shortener.processes.web import bind, serve

    settings = get_settings() if workers is None else load_settings(web_processes=workers)
    if fd is not None:
        setproctitle("shortener web")
        serve(settings, socket.socket(fileno=fd))
        return
    settings.require("database_url", "redis_url", "secret_key")
    configure_logging(settings)
    with bind(settings) as listener:
        setproctitle("shortener web")
        if settings.web_processes == 1:
            with serving_own_metrics(settings):
                serve(settings, listener)
        else:
            from shortener.operations.up import run_web

            asyncio.run(run_web(settings, listener))


@app.command()
def worker() -> None:
    """Drain clicks into the database, and do the upkeep."""
    from workers.main import run

    setproctitle("shortener worker")
    asyncio.run(run())


@app.command()
def migrate() -> None:
    """Bring the database to this version's schema."""
    from shortener.stores.migration import upgrade
    from shortener.stores.revision import head_revision

    settings = local_settings()
    settings.require("database_url")
    upgrade(settings.database_url)
    console.print(f"The database is at {head_revision()}.", highlight=False)


@app.command()
def shorten(
    url: Annotated[str, typer.Argument(help="Where the link leads.")],
    code: Annotated[str | None, typer.Option(help="A code of your own.")] = None,
) -> None:
    """Create a link and print its short URL."""
    from shortener.links.commands import shorten as command

    print(asyncio.run(command(local_settings(), url, code)))  # noqa: T201  (nothing but the URL, for pipes)


@app.command()
def stats(code: Annotated[str, typer.Argument(help="The link's code.")]) -> None:
    """Show the figures of a link's last 30 days."""
    from shortener.figures.commands import stats as command

    console.print(asyncio.run(command(local_settings(), code)))


@clicks.command()
def dead(limit: Annotated[int, typer.Option(min=1, help="Show so many, the oldest first.")] = 100) -> None:
    """List batches that could not be counted, with the reason and the age of each."""
    from shortener.clicks.commands import dead_letters

    console.print(asyncio.run(dead_letters(local_settings(), limit)))


@clicks.command()
def replay(
    limit: Annotated[int | None, typer.Option(min=1, help="So many, the oldest first. Default: all.")] = None,
) -> None:
    """Requeue these batches, once the reason is mended; nothing is counted twice."""
    from shortener.clicks.commands import replay as command

    print(asyncio.run(command(local_settings(), limit)))  # noqa: T201  (nothing but the number, for pipes)


@app.command()
def seed(
    links: Annotated[int, typer.Option(min=1, help="How many links.")] = 100,
    clicks: Annotated[int, typer.Option(min=0, help="How many clicks in all; the first links get most.")] = 100_000,
    days: Annotated[int, typer.Option(min=1, max=3650, help="On how many days before today.")] = 365,
    code: Annotated[str | None, typer.Option(help="One link of this code, instead of many.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Even if the database already holds links.")] = False,
) -> None:
    """Fill the database with made-up links and clicks, for trying things out."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    from shortener.operations.commands import seed as command

    columns = ("clicks", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=error_console) as progress:
        bar = progress.add_task("", total=clicks)
        count = 1 if code else links
        asyncio.run(command(local_settings(), count, clicks, days, code, force, lambda n: progress.advance(bar, n)))


@app.command()
def doctor() -> None:
    """Check settings, database, migrations, Redis, worker and clock, and say what to do."""
    from shortener.operations.doctor import examine

    findings = asyncio.run(examine(local_settings()))
    for finding in findings:
        sign = "[green]ok[/green]  " if finding.advice is None else "[red]fail[/red]"
        console.print(f"{sign}  {finding.name:<11} {finding.detail}", highlight=False, soft_wrap=True)
        if finding.advice is not None:
            console.print(f"                  → {finding.advice}", highlight=False, soft_wrap=True)
    if any(finding.advice is not None for finding in findings):
        raise typer.Exit(1)


# Errors whose message says what to do.
_SELF_EXPLAINING = (SettingsError, StartFailed, DataDirectoryInUse, DirectoryUnusable, PortInUse, MetricsPortInUse)


def _explain(error: BaseException) -> str | None:
    """One line that says what to do; None for a defect of the product."""
    if isinstance(error, StartFailed) and "No space left" in str(error):
        return f"{error}. Free some space, then start again."
    if isinstance(error, _SELF_EXPLAINING):
        return str(error)
    if isinstance(error, ShortenerError):
        return error.detail
    return _explain_server(error)


def _explain_server(error: BaseException) -> str | None:
    from redis.exceptions import RedisError
    from sqlalchemy.exc import SQLAlchemyError

    from shortener.stores.outage import is_database_down

    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"The disk is full ({error.filename or 'data folder'}). Free some space, then start again."
    if isinstance(error, PermissionError):
        return f"No permission for {error.filename}. Change its owner, or set SHORTENER_DATA_DIR to another folder."
    if isinstance(error, RedisError):
        return f"Redis does not answer ({_first_line(error)}). Check SHORTENER_REDIS_URL, or start: shortener up"
    if isinstance(error, SQLAlchemyError) or is_database_down(error) or type(error).__module__.startswith("asyncpg"):
        return (
            f"The database does not answer ({_first_line(error)}). Check SHORTENER_DATABASE_URL, or start: shortener up"
        )
    return None


def _first_line(error: BaseException) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return re.sub(r"^\(\w[\w.]*\)\s*", "", text).removeprefix("<class 'OSError'>: ")


def main() -> None:
    """Run a command; whatever an operator can mend is told in one line."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except CommandFailed:
        sys.exit(1)
    except Exception as error:
        message = _explain(error)
        if message is None:
            raise
        error_console.print(f"[red]shortener:[/red] {escape(message)}", highlight=False, soft_wrap=True)
        sys.exit(1)
