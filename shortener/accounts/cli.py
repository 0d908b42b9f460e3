"""`shortener user` and `shortener key`."""

import asyncio
import sys
import uuid
from typing import Annotated

import typer
from rich.console import Console

from shortener.access.principals import Scope
from shortener.processes.local_settings import local_settings

user = typer.Typer(help="People who may log in.", no_args_is_help=True)
key = typer.Typer(help="API keys.", no_args_is_help=True)
console = Console()

Email = Annotated[str, typer.Argument(help="The user's email address.")]


@user.command("create")
def create_user(
    email: Email,
    admin: Annotated[bool, typer.Option("--admin", help="Who may administer.")] = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="For API keys only.")] = False,
) -> None:
    """Make a user. The password is asked for, or read from standard input."""
    from shortener.accounts.commands import create_user as command

    settings = local_settings()
    asyncio.run(command(settings, email, None if no_password else _read_password(), admin))


@user.command("list")
def list_users() -> None:
    """List all users."""
    from shortener.accounts.commands import list_users as command

    console.print(asyncio.run(command(local_settings())))


@user.command("reset-password")
def reset_password(email: Email) -> None:
    """Set a new password, which is asked for or read from standard input. All sessions of the user end."""
    from shortener.accounts.commands import reset_password as command

    settings = local_settings()
    asyncio.run(command(settings, email, _read_password()))


@user.command()
def adopt(email: Email) -> None:
    """Give all links that have no owner to a user."""
    from shortener.accounts.commands import adopt_links

    print(asyncio.run(adopt_links(local_settings(), email)), "links")  # noqa: T201  (for pipes)


@key.command("create")
def create_key(
    email: Email,
    name: Annotated[str, typer.Option(help="What it is for.")] = "command line",
    scope: Annotated[list[Scope] | None, typer.Option(help="May be repeated. Default: all that the user has.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=36500, help="Days until it expires. Default: never.")] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="Requests a minute. Default: as for all.")] = None,
) -> None:
    """Make an API key and print it. It cannot be shown again."""
    from shortener.accounts.commands import create_key as command

    print(asyncio.run(command(local_settings(), email, name, scope or [], days, rate)))  # noqa: T201  (for pipes)


@key.command("list")
def list_keys(email: Email) -> None:
    """List a user's keys."""
    from shortener.accounts.commands import list_keys as command

    console.print(asyncio.run(command(local_settings(), email)))


@key.command()
def revoke(key_id: Annotated[uuid.UUID, typer.Argument(help="The key's id, as the list has it.")]) -> None:
    """Refuse a key from now on, in every process."""
    from shortener.accounts.commands import revoke_key

    asyncio.run(revoke_key(local_settings(), key_id))


def _read_password() -> str:
    """Never from the command line, which every user of the machine can see."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password
