"""The command line: its commands as a list, and what it says of errors."""

import errno
import re
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from shortener import __version__
from shortener.accounts.cli import key, user
from shortener.domains.cli import domains
from shortener.errors import OperatorError, ShortenerError
from shortener.figures.cli import commands as figures
from shortener.links.cli import commands as shorten
from shortener.links.cli import links
from shortener.misses.cli import commands as misses
from shortener.moderation.cli import ban
from shortener.operations.cli import clicks
from shortener.operations.cli import commands as operations
from shortener.qr.cli import commands as qr
from shortener.tags.cli import tags

# Commands, and groups of commands that have a name.
COMMANDS = (operations, shorten, figures, misses, user, key, ban, links, tags, domains, clicks)

# Commands of the group `links` that stand above the folder of links.
COMMANDS_OF_LINKS = (qr,)
for commands in COMMANDS_OF_LINKS:
    links.add_typer(commands)

app = typer.Typer(
    help="Short links that count every click.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for commands in COMMANDS:
    app.add_typer(commands)
console = Console()
error_console = Console(stderr=True)


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


def _explain(error: BaseException) -> str | None:
    """One line that says what to do; None for a bug."""
    if isinstance(error, OperatorError):
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
    """Run a command; errors that an operator can fix are printed in one line."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        message = _explain(error)
        if message is None:
            raise
        if message:
            error_console.print(f"[red]shortener:[/red] {escape(message)}", highlight=False, soft_wrap=True)
        sys.exit(1)
