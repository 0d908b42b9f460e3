"""/health/live and /health/ready"""

import orjson
from fastapi import APIRouter, Request, Response

from shortener.errors import ServiceUnavailable
from shortener.http.openapi import Tag, errors
from shortener.http.problems import problem_of
from shortener.parts import parts_of
from shortener.processes.checks import Status, run_checks
from shortener.stores.parts import DATABASE, REDIS

TAG = Tag("health", "For load balancers and operators.")

router = APIRouter(prefix="/health", tags=[TAG])


class NotReady(ServiceUnavailable):
    """`/health/ready` only: a part does not work; `checks` says which.

    See docs/deployment.md#what-to-watch.
    """

    type, title = "not-ready", "Not ready"


# Some monitors send HEAD only.
@router.head("/live", include_in_schema=False)
@router.get("/live")
async def live() -> dict[str, str]:
    """The process answers. It does not check the parts behind it: restarting would not mend them."""
    return {"status": "ok"}


@router.head("/ready", include_in_schema=False)
@router.get("/ready", responses=errors(NotReady))
async def ready(request: Request) -> Response:
    """Whether all parts work, and which do not. 200 with the status `degraded` while clicks are counted late: redirects
    still work."""
    parts = parts_of(request)
    outcomes = await run_checks(parts[DATABASE], parts[REDIS])
    checks = {name: outcome.shown() for name, outcome in outcomes.items()}
    failed = [name for name, outcome in outcomes.items() if outcome.status is Status.FAILED]
    if not failed:
        status = Status.OK if all(outcome.is_ok for outcome in outcomes.values()) else Status.DEGRADED
        return Response(orjson.dumps({"status": status, "checks": checks}), media_type="application/json")
    return problem_of(NotReady(f"Not working: {', '.join(failed)}."), checks=checks)
