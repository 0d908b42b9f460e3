"""`shortener domains`."""

from typing import Annotated, Any

import typer

from shortener.domains.operations import ADD, EDIT, LIST, REMOVE, TRUST, VERIFY
from shortener.terminal.backend import answer
from shortener.terminal.members import read_members
from shortener.terminal.output import AsJson, moment, print_document, print_members, print_table

domains = typer.Typer(name="domains", help="List, add, verify, change and remove domains.", no_args_is_help=True)

Host = Annotated[str, typer.Argument(metavar="HOST", help="The domain, such as go.example.com.")]


def _print_domain(domain: dict[str, Any]) -> None:
    record = domain["record"]
    shown = domain | {"record": f"{record['type']} {record['name']} {record['value']}"}
    print_members((name, moment(value) if name.endswith("_at") else value) for name, value in shown.items())


@domains.command("list")
def list_domains(
    workspace: Annotated[
        str | None,
        typer.Option(help="The id of a workspace. Default: all of yours; without a server, all that there are."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List domains by their names."""
    print_document(answer(LIST.call(query={"workspace": workspace})), as_json, _print_domains)


def _print_domains(found: dict[str, Any]) -> None:
    columns = ("host", "state", "default", "verified", "workspace", "root_url")
    rows = (
        (
            domain["host"],
            domain["state"],
            domain["is_default"] or "",
            moment(domain["verified_at"]),
            domain["workspace"],
            domain["root_url"],
        )
        for domain in found["items"]
    )
    print_table(columns, rows)


@domains.command()
def add(
    host: Host,
    workspace: Annotated[
        str | None,
        typer.Option(help="The id of the workspace that gets it. Default: your personal one; needed without a server."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a domain, and print the TXT record to set for it."""
    body = read_members(None, host=host, workspace=workspace)
    print_document(answer(ADD.call(body=body)), as_json, _print_domain)


@domains.command()
def verify(
    host: Host,
    trust: Annotated[bool, typer.Option("--trust", help="Vouch for it, without a record. For admins.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look up the TXT record of a domain, and print the domain. Links work on it from then on."""
    print_document(answer((TRUST if trust else VERIFY).call(host=host)), as_json, _print_domain)


@domains.command()
def edit(
    host: Host,
    root_url: Annotated[str | None, typer.Option(help="Where the domain itself leads.")] = None,
    not_found_url: Annotated[str | None, typer.Option(help="Where codes that do not exist lead.")] = None,
    expired_url: Annotated[str | None, typer.Option(help="Where links lead that have ended.")] = None,
    default: Annotated[
        bool | None, typer.Option("--default/--no-default", help="Whether new links of the workspace get it.")
    ] = None,
    clear: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Set a URL, such as root_url, to null. Repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change where a domain leads visitors, and print it."""
    urls = {"root_url": root_url, "not_found_url": not_found_url, "expired_url": expired_url}
    body = read_members(None, is_default=default, **urls) | dict.fromkeys(clear or ())
    print_document(answer(EDIT.call(host=host, body=body)), as_json, _print_domain)


@domains.command()
def remove(host: Host) -> None:
    """Remove a domain. Its links stay, and answer 404 until it is verified again."""
    answer(REMOVE.call(host=host))
