"""`shortener tags`."""

from typing import Annotated, Any

import typer

from shortener.http.order import Order
from shortener.tags.choices import TagOrder
from shortener.tags.operations import DELETE, EDIT, LIST, MERGE
from shortener.terminal.backend import answer, answer_pages
from shortener.terminal.members import read_members
from shortener.terminal.output import AsJson, moment, print_document, print_table

tags = typer.Typer(name="tags", help="List, rename, merge and delete tags.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="TAG", help="The tag's name.")]
Workspace = Annotated[
    str | None,
    typer.Option(
        help="The id of a workspace, or `anonymous` for links without an owner. Default: your personal workspace; "
        "without a server, links without an owner."
    ),
]


def _print_tags(found: list[dict[str, Any]]) -> None:
    columns = ("name", "links", "clicks", "color", "created", "description")
    rows = (
        (
            tag["name"],
            tag["links"],
            tag["clicks"],
            tag["color"] or "",
            moment(tag["created_at"]),
            tag["description"] or "",
        )
        for tag in found
    )
    print_table(columns, rows, numbers=["links", "clicks"])


def _print_tag(tag: dict[str, Any], as_json: bool) -> None:
    print_document(tag, as_json, lambda tag: _print_tags([tag]))


@tags.command("list")
def list_tags(
    q: Annotated[str | None, typer.Option("--search", "-q", help="Part of the name.")] = None,
    sort: Annotated[TagOrder, typer.Option(help="What orders the tags.")] = TagOrder.NAME,
    order: Annotated[Order, typer.Option(help="The direction.")] = Order.ASC,
    workspace: Workspace = None,
    limit: Annotated[int, typer.Option(min=1, help="Number of tags.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List tags with the number of their links and clicks."""
    query = {"q": q, "sort": sort.value, "order": order.value, "workspace": workspace}
    page = answer_pages(LIST.call(query=query), limit)
    print_document(page, as_json, lambda page: _print_tags(page["items"]))


@tags.command()
def edit(
    tag: Name,
    name: Annotated[str | None, typer.Option(help="Another name. The links keep the tag.")] = None,
    color: Annotated[str | None, typer.Option(help="#rrggbb")] = None,
    description: Annotated[str | None, typer.Option(help="A text about the tag.")] = None,
    clear: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Set color or description to null. Repeatable.")
    ] = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Rename a tag, or change its color or description, and print it."""
    body = read_members(None, name=name, color=color, description=description) | dict.fromkeys(clear or ())
    _print_tag(answer(EDIT.call(tag=tag, query={"workspace": workspace}, body=body)), as_json)


@tags.command()
def merge(
    tag: Name,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The tag that gets all links.")],
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Give all links of a tag to another one, and print that. The tag itself is deleted."""
    _print_tag(answer(MERGE.call(tag=tag, query={"workspace": workspace}, body={"into": into})), as_json)


@tags.command()
def delete(tag: Name, workspace: Workspace = None) -> None:
    """Take a tag from all its links. The links stay."""
    answer(DELETE.call(tag=tag, query={"workspace": workspace}))
