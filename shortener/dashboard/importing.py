"""Many links at once: a list is read and checked, then made, and its results can be copied and downloaded."""

import csv
import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Request, Response
from starlette.datastructures import FormData, UploadFile

from shortener.access.memberships import InsufficientRole
from shortener.access.models import Role
from shortener.access.routes import CallerDep
from shortener.dashboard.forms import Errors, errors_of, moment_of, text_of, validated, with_scheme
from shortener.dashboard.page import redirect, render, speak_to
from shortener.dashboard.reader import Visitor, VisitorDep
from shortener.dashboard.routes import BytesRoute, PageRoute
from shortener.dashboard.sheets import SEPARATORS, Sheet, WrongEncoding, decoded, read_sheet, tags_of
from shortener.dashboard.wording import _, spoken
from shortener.errors import NotFound, ShortenerError
from shortener.event_loop.slices import gathered
from shortener.http.csv_lines import CSV, csv_line
from shortener.http.downloads import download
from shortener.limits.parts import client_name
from shortener.links.idempotency import answer_to, bulk_fingerprint
from shortener.links.inserts import Outcome
from shortener.links.routes import Creation
from shortener.links.schemas import MAX_BULK, BulkCreate
from shortener.parts import parts_of
from shortener.redirect.hosts import short_url
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/-/import", route_class=PageRoute, include_in_schema=False)
lists_router = APIRouter(prefix="/-/import", route_class=BytesRoute, include_in_schema=False)

# The list travels with its preview, which is made in one piece.
MAX_IMPORT_BYTES = 2 * 1024 * 1024
SHOWN = 20
# Of results, and of rows that cannot be made.
LISTED = 100

_Key = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{22}$")]


class Item(NamedTuple):
    """A row of the list, and its result: a short URL, or the reason for a failure. A preview has neither for a row
    that can be made."""

    number: int
    values: dict[str, str]
    short_url: str | None
    reason: str | None


class _List(NamedTuple):
    """The fields of a form: the text, the tags of all its links, and the separator if one was chosen."""

    text: str
    tags: str
    separator: str


@router.head("")
@router.get("")
async def import_page(request: Request, visitor: VisitorDep) -> Response:
    _check_role(visitor)
    return _page(request, visitor, _List("", "", ""))


@lists_router.post("")
async def check_list(
    request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep, creation: Creation
) -> Response:
    """What would come of each row. Nothing is made."""
    _check_role(visitor)
    form = await _form(request)
    try:
        wanted = await _read(form)
        if "change" in form:
            return _page(request, visitor, wanted)
        sheet, rows = await _rows(wanted)
    except _Unusable as error:
        return _page(request, visitor, _List(text_of(form, "text"), text_of(form, "tags"), ""), {"text": str(error)})
    body = await _body(request, visitor, wanted, rows)
    outcomes = await creation.create_many(session, caller, validated(BulkCreate, body | {"dry_run": True}))
    items = await gathered(_items(request, rows, outcomes))
    failed = [item for item in items if item.reason]
    values = {
        "visitor": visitor,
        "wanted": wanted,
        "sheet": sheet,
        "separators": SEPARATORS,
        "columns": [name for name in sheet.columns if name],
        "items": items[:SHOWN],
        "later": [item for item in failed if item.number > SHOWN][:LISTED],
        "failed": len(failed),
        "good": len(items) - len(failed),
        "key": secrets.token_urlsafe(16),
        "workspace": body["workspace"],
    }
    return render(request, "import_check.html", values)


@lists_router.post("/make")
async def make_list(
    request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep, creation: Creation
) -> Response:
    """Make what can be made. A form that is sent again leads to the same results."""
    form = await _form(request)
    try:
        wanted = await _read(form)
        _sheet, rows = await _rows(wanted)
    except _Unusable as error:
        return _page(request, visitor, _List("", "", ""), {"text": str(error)})
    body = await _body(request, visitor, wanted, rows)
    if workspace := text_of(form, "workspace"):
        body["workspace"] = workspace
    key = text_of(form, "key") or secrets.token_urlsafe(16)

    async def write(outcomes: Sequence[Outcome]) -> list[bytes]:
        items = await gathered(_items(request, rows, outcomes))
        return [b"[", b",".join(await gathered(orjson.dumps([*item]) for item in items)), b"]"]

    fingerprint = await bulk_fingerprint(body | {"workspace": str(body["workspace"])})
    request_body = validated(BulkCreate, body)
    await creation.create_many_once(session, caller, request_body, write, client_name(request), _once(key), fingerprint)
    return redirect(f"/-/import/{key}")


@router.head("/{key}")
@router.get("/{key}")
async def results_page(key: _Key, request: Request, session: Writer, visitor: VisitorDep) -> Response:
    items = await _results(request, session, key)
    made = [item for item in items if item.short_url]
    failed = [item for item in items if item.reason]
    values = {
        "visitor": visitor,
        "made": made[:LISTED],
        "made_in_all": len(made),
        "failed": failed[:LISTED],
        "failed_in_all": len(failed),
        "copied": "\n".join(item.short_url or "" for item in made),
        "key": key,
    }
    return render(request, "import_results.html", values)


@router.get("/{key}/links.csv")
async def links_file(key: _Key, request: Request, session: Writer) -> Response:
    """The links that were made."""
    items = [item for item in await _results(request, session, key) if item.short_url]
    names = _names(items)
    lines = await gathered(csv_line([item.short_url, *(item.values.get(name) for name in names)]) for item in items)
    return await _file(csv_line(["short_url", *names]), lines, "links.csv")


@router.get("/{key}/failed.csv")
async def failed_file(key: _Key, request: Request, session: Writer) -> Response:
    """The rows that could not be made, to be mended and sent again."""
    items = [item for item in await _results(request, session, key) if item.reason]
    names = _names(items)
    lines = await gathered(csv_line([*(item.values.get(name) for name in names), item.reason]) for item in items)
    return await _file(csv_line([*names, "reason"]), lines, "failed.csv")


class _Unusable(ValueError):
    """The list cannot be read: a sentence for the reader."""


def _check_role(visitor: Visitor) -> None:
    """Raises InsufficientRole."""
    if not visitor.may_create:
        raise InsufficientRole(Role.EDITOR)


async def _form(request: Request) -> FormData:
    return await request.form(max_files=1, max_fields=20, max_part_size=MAX_IMPORT_BYTES)


async def _read(form: FormData) -> _List:
    """A file wins over the field. Raises _Unusable."""
    text, file = text_of(form, "text"), form.get("file")
    if isinstance(file, UploadFile) and file.size:
        try:
            text = decoded(await file.read())
        except WrongEncoding:
            raise _Unusable(_("The file is not a text in UTF-8. Save it as CSV in UTF-8.")) from None
    return _List(text.replace("\x00", ""), text_of(form, "tags"), text_of(form, "separator"))


async def _rows(wanted: _List) -> tuple[Sheet, list[dict[str, str]]]:
    """Raises _Unusable."""
    sheet = read_sheet(wanted.text, wanted.separator)
    try:
        rows = await gathered(sheet.rows)
    except csv.Error:
        raise _Unusable(_("The table cannot be read: a quotation mark is never closed.")) from None
    if not rows:
        raise _Unusable(_("There is no row in the list."))
    if len(rows) > MAX_BULK:
        text = _("The list has %(n)s rows. %(most)s can be made at once: divide it.")
        raise _Unusable(text % {"n": spoken().number(len(rows)), "most": spoken().number(MAX_BULK)})
    return sheet, rows


async def _body(request: Request, visitor: Visitor, wanted: _List, rows: list[dict[str, str]]) -> dict[str, Any]:
    """The list as a bulk request to the API."""
    zone, common = speak_to(request).zone, tags_of(wanted.tags)

    def fields(row: dict[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = row | {"url": with_scheme(row.get("url", ""))}
        if "expires_at" in row:
            values["expires_at"] = moment_of(row["expires_at"], zone)
        if tags := [*tags_of(row.get("tags", "")), *common]:
            values["tags"] = list(dict.fromkeys(tags))
        return values

    workspace: UUID | None = None if visitor.space is None else visitor.space.id
    return {"links": await gathered(map(fields, rows)), "workspace": workspace}


def _items(request: Request, rows: Sequence[dict[str, str]], outcomes: Sequence[Outcome]) -> Iterator[Item]:
    base_url = parts_of(request).settings.base_url
    for number, (row, outcome) in enumerate(zip(rows, outcomes, strict=True), 1):
        if isinstance(outcome, ShortenerError):
            yield Item(number, row, None, " ".join(errors_of(outcome).values()))
        else:
            # A dry run gives no ids.
            made = None if outcome.id is None else short_url(base_url, outcome.code or "")
            yield Item(number, row, made, None)


async def _results(request: Request, session: Writer, key: str) -> list[Item]:
    """Raises NotFound. The results of others have other keys."""
    answer = await answer_to(session, client_name(request), _once(key))
    if answer is None:
        raise NotFound("No page has this address.")
    return await gathered(Item(*item) for item in orjson.loads(answer))


def _once(key: str) -> str:
    """Apart from the keys that programs choose."""
    return f"import {key}"


def _names(items: Sequence[Item]) -> list[str]:
    """The columns that some row has, in the order of the first that has them."""
    return list(dict.fromkeys(name for item in items for name in item.values))


async def _file(header: str, lines: Sequence[str], name: str) -> Response:
    async def pieces() -> AsyncGenerator[str, None]:
        yield header + "".join(lines)

    return await download(pieces(), CSV, name)


def _page(request: Request, visitor: Visitor, wanted: _List, errors: Errors | None = None) -> Response:
    values = {
        "visitor": visitor, "wanted": wanted, "errors": errors or {}, "most": MAX_BULK, "max_bytes": MAX_IMPORT_BYTES,
    }  # fmt: skip
    return render(request, "import.html", values, status=422 if errors else 200)
