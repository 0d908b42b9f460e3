"""Lists of links as files: CSV, or JSON lines."""

import uuid
from enum import StrEnum
from typing import Any

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.http.csv_lines import CSV, csv_line
from shortener.http.downloads import download, page_by_page
from shortener.http.order import Order
from shortener.http.pagination import Page
from shortener.http.streams import Stream
from shortener.links.answers import link_out
from shortener.links.choices import Sort
from shortener.links.filters import LinkFilter
from shortener.links.listing import list_links
from shortener.links.schemas import LinkOut
from shortener.parts import parts_of
from shortener.screening.parts import BAN_LIST
from shortener.stores.parts import DATABASE

JSON_LINES = "application/x-ndjson"
# Those of a bulk request come first: what was exported can be imported again.
COLUMNS = (
    "url", "code", "title", "expires_at", "tags", "note", "domain", "short_url", "clicks", "created_at", "updated_at",
    "starts_at", "max_clicks", "has_password", "disabled", "archived", "banned", "id",
)  # fmt: skip
_ROWS_A_READ = 40


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"
    JSONL = "jsonl"


async def export(
    request: Request, workspace: uuid.UUID | None, asked: LinkFilter, sort: Sort, order: Order, form: Format
) -> Stream:
    """All links of the workspace for which the filter holds, in a file."""
    parts = parts_of(request)
    base_url, ban_list = parts.settings.base_url, parts[BAN_LIST]
    form_of = _csv if form is Format.CSV else _json
    options: dict[str, Any] = {"sort": sort, "order": order, "limit": _ROWS_A_READ, "is_counted": False}

    async def read(session: AsyncSession, cursor: str | None) -> Page:
        return await list_links(session, workspace, asked, base_url, cursor=cursor, **options)

    def write(row: Any) -> str:
        return form_of(link_out(row[0], row[1], base_url, ban_list))

    pieces = page_by_page(parts[DATABASE], read, write, csv_line(COLUMNS) if form is Format.CSV else "")
    return await download(pieces, CSV if form is Format.CSV else JSON_LINES, f"links.{form}")


def _json(link: LinkOut) -> str:
    return link.model_dump_json(by_alias=True) + "\n"


def _csv(link: LinkOut) -> str:
    values: dict[str, Any] = link.model_dump(mode="json", include=set(COLUMNS))
    values["tags"] = ", ".join(link.tags)
    return csv_line(values[name] for name in COLUMNS)
