"""/api/v1/admin/dead-letters"""

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from shortener.access.routes import ADMINISTRATION, ApiRoute, needs_admin
from shortener.clicks.dead_letters import DeadLetters
from shortener.errors import ServiceUnavailable
from shortener.http.openapi import errors
from shortener.http.pagination import Limit
from shortener.parts import parts_of
from shortener.stores.parts import REDIS
from shortener.stores.redis import needing_redis

router = APIRouter(
    prefix="/api/v1/admin/dead-letters", tags=[ADMINISTRATION], route_class=ApiRoute, dependencies=[needs_admin]
)


class DeadLetterOut(BaseModel):
    id: str
    reason: str = Field(description="Why the batch of clicks could not be counted.")
    buried_at: datetime


class DeadLetterList(BaseModel):
    items: list[DeadLetterOut]


class Replayed(BaseModel):
    replayed: int = Field(description="The number of batches.")


@router.get("", responses=errors(ServiceUnavailable))
async def get_dead_letters(request: Request, limit: Limit = 50) -> DeadLetterList:
    """The oldest batches of clicks that could not be counted, with the reasons."""
    with needing_redis():
        found = await DeadLetters(parts_of(request)[REDIS]).oldest(limit)
    return DeadLetterList(items=[DeadLetterOut(**each._asdict()) for each in found])


@router.post("/replay", responses=errors(ServiceUnavailable))
async def replay_dead_letters(request: Request) -> Replayed:
    """Give all of these batches to the workers again. None of them is counted twice."""
    with needing_redis():
        return Replayed(replayed=await DeadLetters(parts_of(request)[REDIS]).replay())
