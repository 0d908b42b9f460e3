"""The answer to a bulk request, as `BulkOut` describes it. To build a thousand models would take longer."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

import orjson

from shortener.errors import ShortenerError
from shortener.event_loop.slices import gathered
from shortener.http.pieces import json_list
from shortener.http.problems import document_of
from shortener.links.answers import json_members_of, link_out
from shortener.links.ids import link_id_of
from shortener.links.inserts import NewLink, Outcome, Reused
from shortener.redirect.hosts import short_url, split_code
from shortener.screening.ban_list import BanList


async def bulk_answer(outcomes: Sequence[Outcome], base_url: str, ban_list: BanList) -> list[bytes]:
    """The pieces of the answer."""
    results = await gathered(_result(n, outcome, base_url, ban_list) for n, outcome in enumerate(outcomes))
    created = sum(isinstance(outcome, NewLink) for outcome in outcomes)
    reused = sum(isinstance(outcome, Reused) for outcome in outcomes)
    counts = {"created": created, "reused": reused, "failed": len(results) - created - reused}
    return json_list("results", results, counts)


def _result(n: int, outcome: Outcome, base_url: str, ban_list: BanList) -> bytes:
    if isinstance(outcome, ShortenerError):
        problem = document_of(outcome)
        if "errors" in problem:
            # Pointers lead through the body of the whole request.
            problem["errors"] = [
                {**fault, "field": f"/links/{n}{fault['field'].rstrip('/')}"} for fault in problem["errors"]
            ]
        return orjson.dumps({"status": outcome.status, "problem": problem})
    status, given = (201, Reused(outcome, 0)) if isinstance(outcome, NewLink) else (200, outcome)
    link, clicks = given
    if isinstance(link, NewLink):
        members = _members(link, base_url)
    else:
        members = link_out(link, clicks, base_url, ban_list).model_dump(mode="json", by_alias=True)
    return orjson.dumps({"status": status, "link": members}, option=orjson.OPT_UTC_Z)


def _members(new: NewLink, base_url: str) -> dict[str, Any]:
    domain, code = split_code(new.code or "")
    return {
        "id": new.id and link_id_of(new.id),
        "code": code or None,
        "domain": domain,
        "short_url": new.code and short_url(base_url, new.code),
        "url": new.url,
        "title": new.title,
        "created_at": new.created_at,
        "updated_at": new.created_at,
        "expires_at": new.expires_at and new.expires_at.astimezone(UTC),
        "disabled": False,
        "banned": False,
        "flag": new.flag,
        "clicks": 0,
        # As text: orjson does not know the class that asyncpg has for it.
        "workspace": new.workspace_id and str(new.workspace_id),
        "starts_at": new.starts_at and new.starts_at.astimezone(UTC),
        "max_clicks": new.max_clicks,
        "has_password": new.password_hash is not None,
        "note": new.note,
        "archived": new.is_archived,
        "tags": new.tags,
        **json_members_of(new.options),
    }
