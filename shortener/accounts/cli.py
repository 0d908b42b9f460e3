"""`shortener user` and `shortener key`."""

import asyncio
import uuid
from typing import Annotated, Any

import typer

from shortener.access.scopes import Scope
from shortener.processes.local_settings import local_settings
from shortener.terminal.output import AsJson, day, print_document, print_lines, print_table
from shortener.terminal.secrets import read_secret

user = typer.Typer(name="user", help="Users who can log in.", no_args_is_help=True)
key = typer.Typer(name="key", help="API keys.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The user's email address.")]


@user.command("create")
def create_user(
    email: Email,
    admin: Annotated[bool, typer.Option("--admin", help="Make the user an admin.")] = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="Without a password: for API keys only.")] = False,
) -> None:
    """Create a user. The password is prompted for, or read from standard input."""
    from shortener.accounts.commands import create_user as command

    settings = local_settings()
    asyncio.run(command(settings, email, None if no_password else read_secret("Password"), admin))


@user.command("list")
def list_users(as_json: AsJson = False) -> None:
    """List all users."""
    from shortener.accounts.commands import list_users as command

    print_document(asyncio.run(command(local_settings())), as_json, _print_users)


def _print_users(found: dict[str, Any]) -> None:
    columns = ("email", "admin", "state", "keys", "created", "workspace")
    rows = (
        (
            user["email"],
            user["is_admin"] or "",
            "disabled" if user["disabled"] else "active",
            user["keys"],
            day(user["created_at"]),
            user["workspace"],
        )
        for user in found["items"]
    )
    print_table(columns, rows, numbers=["keys"])


@user.command("reset-password")
def reset_password(email: Email) -> None:
    """Set a new password, which is prompted for or read from standard input. All sessions of the user end."""
    from shortener.accounts.commands import reset_password as command

    settings = local_settings()
    asyncio.run(command(settings, email, read_secret("Password")))


@user.command()
def adopt(email: Email, as_json: AsJson = False) -> None:
    """Give all links without an owner to a user."""
    from shortener.accounts.commands import adopt_links

    adopted = {"links": asyncio.run(adopt_links(local_settings(), email))}
    print_document(adopted, as_json, lambda adopted: print_lines([f"{adopted['links']} links"]))


@key.command("create")
def create_key(
    email: Email,
    name: Annotated[str, typer.Option(help="Name of the key, such as its purpose.")] = "command line",
    scope: Annotated[list[Scope] | None, typer.Option(help="May be repeated. Default: all scopes of the user.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=36500, help="Days until it expires. Default: never.")] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="Requests per minute. Default: the general limit.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create an API key and print it. It cannot be shown again."""
    from shortener.accounts.commands import create_key as command

    created = {"key": asyncio.run(command(local_settings(), email, name, scope or [], days, rate))}
    print_document(created, as_json, lambda created: print_lines([created["key"]]))


@key.command("list")
def list_keys(email: Email, as_json: AsJson = False) -> None:
    """List a user's keys."""
    from shortener.accounts.commands import list_keys as command

    print_document(asyncio.run(command(local_settings(), email)), as_json, _print_keys)


def _print_keys(found: dict[str, Any]) -> None:
    columns = ("id", "name", "begins with", "scopes", "expires", "last used")
    rows = (
        (
            key["id"],
            key["name"],
            key["prefix"],
            " ".join(key["scopes"]),
            day(key["expires_at"]) or "never",
            day(key["last_used_at"]) or "never",
        )
        for key in found["items"]
    )
    print_table(columns, rows)


@key.command()
def revoke(key_id: Annotated[uuid.UUID, typer.Argument(help="The key's id, as in the list.")]) -> None:
    """Revoke a key: every process refuses it from now on."""
    from shortener.accounts.commands import revoke_key

    asyncio.run(revoke_key(local_settings(), key_id))
