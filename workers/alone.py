"""Jobs that become due again before they have ended."""

from functools import wraps
from typing import Any

import structlog
from arq.typing import WorkerCoroutine

log = structlog.get_logger(__name__)


def alone(job: WorkerCoroutine) -> WorkerCoroutine:
    """The job, skipped while its last run in this worker still goes on, so that a late job takes only one connection to
    the database."""

    is_running = False

    @wraps(job)
    async def run(ctx: dict[Any, Any], *args: Any, **options: Any) -> Any:
        nonlocal is_running
        if is_running:
            log.warning("job_still_running", job=job.__qualname__)
            return None
        is_running = True
        try:
            return await job(ctx, *args, **options)
        finally:
            is_running = False

    return run
