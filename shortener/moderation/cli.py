"""`shortener ban`, and `shortener user` for what admins do with users."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from shortener.accounts.cli import Email, user
from shortener.moderation.models import Kind
from shortener.processes.local_settings import local_settings

ban = typer.Typer(help="Links, hosts, users and clients that are forbidden.", no_args_is_help=True)
console = Console()


@ban.command("create")
def create_ban(
    kind: Annotated[Kind, typer.Argument(help="What is banned.")],
    value: Annotated[
        str,
        typer.Argument(help="The link's code, the host, the user's email address, or the client's address or network."),
    ],
    reason: Annotated[str, typer.Option(help="Why. Admins can read it, nobody else.")],
    force: Annotated[bool, typer.Option("--force", help="Ban a public suffix, such as co.uk, all the same.")] = False,
) -> None:
    """Ban something, in every process, and print the ban's id."""
    from shortener.moderation.commands import create_ban as command

    print(asyncio.run(command(local_settings(), kind, value, reason, force)))  # noqa: T201  (for pipes)


@ban.command("list")
def list_bans(
    lifted: Annotated[bool, typer.Option("--lifted", help="Those that were lifted, not those that hold.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Show so many, the newest first.")] = 100,
) -> None:
    """List bans, the newest first."""
    from shortener.moderation.commands import list_bans as command

    console.print(asyncio.run(command(local_settings(), lifted, limit)))


@ban.command()
def lift(ban_id: Annotated[int, typer.Argument(min=1, help="The ban's id, as the list has it.")]) -> None:
    """Lift a ban, in every process. A user is enabled again, with the links that this ban took down."""
    from shortener.moderation.commands import lift_ban

    asyncio.run(lift_ban(local_settings(), ban_id))


@user.command()
def disable(email: Email) -> None:
    """Refuse a user's logins and keys from now on, in every process."""
    from shortener.moderation.commands import set_disabled

    asyncio.run(set_disabled(local_settings(), email, is_disabled=True))


@user.command()
def enable(email: Email) -> None:
    """Let a disabled user in again."""
    from shortener.moderation.commands import set_disabled

    asyncio.run(set_disabled(local_settings(), email, is_disabled=False))
