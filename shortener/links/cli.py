"""`shortener shorten`, and `shortener links`."""

from typing import Annotated, Any

import typer

from shortener.http.order import Order
from shortener.links.choices import Having, Sort, State, TagMode
from shortener.links.operations import (
    ADD_ALIAS,
    ALIASES,
    CREATE,
    DELETE,
    EDIT,
    LIST,
    REMOVE_ALIAS,
    RESTORE,
    SHOW,
    of_link,
)
from shortener.terminal.backend import answer, answer_pages
from shortener.terminal.members import read_members
from shortener.terminal.output import AsJson, moment, print_document, print_lines, print_members, print_table

commands = typer.Typer()
links = typer.Typer(name="links", help="List, show, change and delete links.", no_args_is_help=True)

Code = Annotated[
    str, typer.Argument(help="The link's code, with its domain and `/` in front if it has one; an alias; or its id.")
]
Members = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A member of the link as docs/links.md has it. The value is JSON, a text, or @FILE with JSON. Repeatable.",
    ),
]
Workspace = Annotated[
    str | None,
    typer.Option(help="The id of a workspace, or `anonymous` for links without an owner."),
]
_AskPassword = Annotated[
    bool, typer.Option("--password", help="Set a password, which is prompted for or read from standard input.")
]


def _print_link(link: dict[str, Any]) -> None:
    print_members((name, moment(value) if name.endswith("_at") else value) for name, value in link.items())


def _named(link: dict[str, Any]) -> str:
    """The code as commands read it."""
    return str(link["code"]) if link["domain"] is None else f"{link['domain']}/{link['code']}"


@commands.command()
def shorten(
    url: Annotated[str, typer.Argument(help="Where the link leads.")],
    code: Annotated[str | None, typer.Option(help="A code of your own.")] = None,
    domain: Annotated[str | None, typer.Option(help="A domain of the workspace.")] = None,
    title: Annotated[str | None, typer.Option(help="For yourselves.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag. Repeatable.")] = None,
    members: Members = None,
    as_json: AsJson = False,
) -> None:
    """Create a link and print its short URL."""
    body = read_members(members, url=url, code=code, domain=domain, title=title, tags=tag)
    print_document(answer(CREATE.call(body=body)), as_json, lambda link: print_lines([link["short_url"]]))


@links.command("list")
def list_links(
    q: Annotated[
        str | None, typer.Option("--search", "-q", help="Part of the code, URL, title, note or a tag.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Links with this tag. Repeatable.")] = None,
    tag_mode: Annotated[TagMode | None, typer.Option(help="Whether one of the tags is enough.")] = None,
    without_tag: Annotated[list[str] | None, typer.Option(help="Links without this tag. Repeatable.")] = None,
    domain: Annotated[str | None, typer.Option(help="The domain of the links.")] = None,
    host: Annotated[str | None, typer.Option(help="The destination's host.")] = None,
    state: Annotated[State | None, typer.Option(help="Default: all but deleted links.")] = None,
    archived: Annotated[bool, typer.Option("--archived", help="List the archived links, and no others.")] = False,
    created_from: Annotated[str | None, typer.Option(metavar="MOMENT", help="Such as 2026-11-21T09:30:00Z.")] = None,
    created_to: Annotated[str | None, typer.Option(metavar="MOMENT", help="The moment after the last one.")] = None,
    clicks_min: Annotated[int | None, typer.Option(help="Links with at least this number of clicks.")] = None,
    clicks_max: Annotated[int | None, typer.Option(help="Links with at most this number of clicks.")] = None,
    has: Annotated[list[Having] | None, typer.Option(help="Links that have this. Repeatable.")] = None,
    sort: Annotated[Sort, typer.Option(help="What orders the links.")] = Sort.CREATED_AT,
    order: Annotated[Order, typer.Option(help="The direction.")] = Order.DESC,
    workspace: Workspace = None,
    limit: Annotated[int, typer.Option(min=1, help="Number of links.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List links, the newest first. On a server: those of your personal workspace."""
    asked = {
        "q": q,
        "tag": tag,
        "tag_mode": tag_mode,
        "without_tag": without_tag,
        "domain": domain,
        "host": host,
        "state": state,
        "archived": archived or None,
        "created_from": created_from,
        "created_to": created_to,
        "clicks_min": clicks_min,
        "clicks_max": clicks_max,
        "has": has,
        "workspace": workspace,
    }
    page = answer_pages(LIST.call(query={**asked, "sort": sort.value, "order": order.value}), limit)
    print_document(page, as_json, _print_links)


def _print_links(page: dict[str, Any]) -> None:
    columns = ("code", "clicks", "created", "title", "tags", "url")
    rows = (
        (_named(link), link["clicks"], moment(link["created_at"]), link["title"] or "", link["tags"], link["url"])
        for link in page["items"]
    )
    print_table(columns, rows, numbers=["clicks"])


@links.command()
def show(code: Code, as_json: AsJson = False) -> None:
    """Print a link."""
    print_document(answer(of_link(SHOW, code)), as_json, _print_link)


@links.command()
def edit(
    code: Code,
    url: Annotated[str | None, typer.Option(help="Where the link leads from now on.")] = None,
    new_code: Annotated[str | None, typer.Option("--code", help="Another code. The old one becomes an alias.")] = None,
    title: Annotated[str | None, typer.Option(help="For yourselves.")] = None,
    note: Annotated[str | None, typer.Option(help="For yourselves.")] = None,
    starts_at: Annotated[str | None, typer.Option(metavar="MOMENT", help="When the link begins to work.")] = None,
    expires_at: Annotated[str | None, typer.Option(metavar="MOMENT", help="When it stops working.")] = None,
    max_clicks: Annotated[int | None, typer.Option(help="Number of clicks after which it is used up.")] = None,
    fallback_url: Annotated[str | None, typer.Option(help="Where it leads while it does not work.")] = None,
    password: _AskPassword = False,
    disabled: Annotated[bool | None, typer.Option("--disable/--enable", help="Whether it answers 410.")] = None,
    archived: Annotated[bool | None, typer.Option("--archive/--unarchive", help="Whether lists leave it out.")] = None,
    workspace: Annotated[str | None, typer.Option(help="The id of the workspace to move it to.")] = None,
    add_tag: Annotated[list[str] | None, typer.Option(help="A tag more. Repeatable.")] = None,
    remove_tag: Annotated[list[str] | None, typer.Option(help="A tag less. Repeatable.")] = None,
    clear: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Set a member such as expires_at to null. Repeatable.")
    ] = None,
    members: Members = None,
    as_json: AsJson = False,
) -> None:
    """Change a link and print it."""
    from shortener.links.tagging import edit_tags

    body = read_members(
        members,
        url=url,
        code=new_code,
        title=title,
        note=note,
        starts_at=starts_at,
        expires_at=expires_at,
        max_clicks=max_clicks,
        fallback_url=fallback_url,
        disabled=disabled,
        archived=archived,
        workspace=workspace,
    ) | dict.fromkeys(clear or ())
    if password:
        from shortener.terminal.secrets import read_secret

        body["password"] = read_secret("Password")
    if add_tag or remove_tag:
        link = edit_tags(code, body, add_tag or [], remove_tag or [])
    else:
        link = answer(of_link(EDIT, code, body=body))
    print_document(link, as_json, _print_link)


@links.command()
def delete(code: Code) -> None:
    """Delete a link. It answers 410 from then on."""
    answer(of_link(DELETE, code))


@links.command()
def restore(code: Code, as_json: AsJson = False) -> None:
    """Give back a link that was deleted in the last 30 days, and print it."""
    print_document(answer(of_link(RESTORE, code)), as_json, _print_link)


@links.command()
def aliases(code: Code, as_json: AsJson = False) -> None:
    """Print the link's other codes, one per line."""
    found = answer(of_link(ALIASES, code))
    print_document(found, as_json, lambda found: print_lines(alias["code"] for alias in found["items"]))


@links.command()
def alias(
    code: Code,
    other: Annotated[str, typer.Argument(metavar="ALIAS", help="The other code.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take it from the link.")] = False,
) -> None:
    """Let another code lead to the link."""
    if remove:
        answer(of_link(REMOVE_ALIAS, code, alias=other))
    else:
        answer(of_link(ADD_ALIAS, code, body={"code": other}))
