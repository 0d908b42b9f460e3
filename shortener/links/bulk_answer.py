"""The answer to a bulk request, as `BulkOut` describes it. To build a thousand models would take longer."""

from collections.abc import Sequence
from datetime import UTC

import orjson

from shortener.errors import ShortenerError
from shortener.event_loop.slices import gathered
from shortener.http.pieces import json_list
from shortener.http.problems import document_of
from shortener.links.inserts import NewLink, Outcome


async def bulk_answer(outcomes: Sequence[Outcome], base_url: str) -> list[bytes]:
    """The pieces of the answer."""
    results = await gathered(_result(n, outcome, base_url) for n, outcome in enumerate(outcomes))
    created = sum(isinstance(outcome, NewLink) for outcome in outcomes)
    return json_list("results", results, {"created": created, "failed": len(results) - created})


def _result(n: int, outcome: Outcome, base_url: str) -> bytes:
    if isinstance(outcome, ShortenerError):
        problem = document_of(outcome)
        if "errors" in problem:
            # Pointers lead through the body of the whole request.
            problem["errors"] = [
                {**fault, "field": f"/links/{n}{fault['field'].rstrip('/')}"} for fault in problem["errors"]
            ]
        return orjson.dumps({"status": outcome.status, "problem": problem})
    link = {
        "code": outcome.code,
        "short_url": f"{base_url}/{outcome.code}",
        "url": outcome.url,
        "title": outcome.title,
        "created_at": outcome.created_at,
        "updated_at": outcome.created_at,
        "expires_at": outcome.expires_at and outcome.expires_at.astimezone(UTC),
        "disabled": False,
        "banned": False,
        "flag": outcome.flag,
        "clicks": 0,
        # As text: orjson does not know the class that asyncpg has for it.
        "workspace": outcome.workspace_id and str(outcome.workspace_id),
    }
    return orjson.dumps({"status": 201, "link": link}, option=orjson.OPT_UTC_Z)
