"""`shortener ban`, and `shortener user` for what admins do with users."""

import asyncio
from typing import Annotated, Any

import typer

from shortener.accounts.cli import Email, user
from shortener.moderation.kinds import Kind
from shortener.processes.local_settings import local_settings
from shortener.terminal.output import AsJson, day, print_document, print_lines, print_table

ban = typer.Typer(name="ban", help="Banned links, hosts, users and clients.", no_args_is_help=True)


@ban.command("create")
def create_ban(
    kind: Annotated[Kind, typer.Argument(help="The kind of the ban.")],
    value: Annotated[
        str,
        typer.Argument(help="The link's code, the host, the user's email address, or the client's address or network."),
    ],
    reason: Annotated[str, typer.Option(help="The reason, which only admins can read.")],
    force: Annotated[bool, typer.Option("--force", help="Ban a public suffix, such as co.uk, anyway.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create a ban in every process, and print its id."""
    from shortener.moderation.commands import create_ban as command

    created = {"id": asyncio.run(command(local_settings(), kind, value, reason, force))}
    print_document(created, as_json, lambda created: print_lines([created["id"]]))


@ban.command("list")
def list_bans(
    lifted: Annotated[bool, typer.Option("--lifted", help="List lifted bans instead of active ones.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="The number of bans to list.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List bans, newest first."""
    from shortener.moderation.commands import list_bans as command

    print_document(asyncio.run(command(local_settings(), lifted, limit)), as_json, _print_bans)


def _print_bans(found: dict[str, Any]) -> None:
    columns = ("id", "kind", "value", "reason", "since", "by")
    rows = (
        (ban["id"], ban["kind"], ban["value"], ban["reason"], day(ban["created_at"]), ban["created_by"])
        for ban in found["items"]
    )
    print_table(columns, rows, numbers=["id"])


@ban.command()
def lift(ban_id: Annotated[int, typer.Argument(min=1, help="The ban's id, as in the list.")]) -> None:
    """Lift a ban in every process. A user is enabled again, and so are the links that this ban took down."""
    from shortener.moderation.commands import lift_ban

    asyncio.run(lift_ban(local_settings(), ban_id))


@user.command()
def disable(email: Email) -> None:
    """Refuse a user's logins and keys from now on, in every process."""
    from shortener.moderation.commands import set_disabled

    asyncio.run(set_disabled(local_settings(), email, is_disabled=True))


@user.command()
def enable(email: Email) -> None:
    """Enable a disabled user again."""
    from shortener.moderation.commands import set_disabled

    asyncio.run(set_disabled(local_settings(), email, is_disabled=False))
