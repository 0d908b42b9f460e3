"""Publishes clicks that are counted, for the channels that somebody listens to. Workers do this, behind the round that
counts them."""

import asyncio
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import asyncpg
import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shortener.clicks.enrich import EnrichedClick
from shortener.live.channels import PREFIX, Channel, of_link, of_workspace, read_topic
from shortener.live.clicks import MESSAGES_PER_S
from shortener.live.metrics import LIVE_ROUNDS_DROPPED
from shortener.stores.database import Database

log = structlog.get_logger(__name__)

# Listeners that come are noticed within this time.
AUDIENCE_S = 0.25
MAX_ROUNDS = 8
_ALL = f"{PREFIX}*"

_LINKS = """
    SELECT links.id, links.workspace_id, coalesce(click_totals.clicks, 0) AS total
    FROM links LEFT JOIN click_totals ON click_totals.link_id = links.id
    WHERE links.id = ANY($1::bigint[]) AND (links.id = ANY($2::bigint[]) OR links.workspace_id = ANY($3::uuid[]))
"""


class Audience(NamedTuple):
    """Links and workspaces that somebody listens to."""

    links: frozenset[int]
    workspaces: frozenset[uuid.UUID]


class _Sum:
    """The clicks of one link in one round."""

    __slots__ = ("bots", "clicks", "people")

    def __init__(self) -> None:
        self.people = self.bots = 0
        self.clicks: deque[EnrichedClick] = deque(maxlen=MESSAGES_PER_S)

    def add(self, click: EnrichedClick) -> None:
        self.clicks.append(click)
        if click.bot is None:
            self.people += 1
        else:
            self.bots += 1


class ClickPublisher:
    """`add` is called with the clicks of each round, and returns at once."""

    def __init__(self, redis: Redis, database: Database) -> None:
        self._redis = redis
        self._database = database
        self._rounds: deque[Sequence[EnrichedClick]] = deque()
        self._has_rounds = asyncio.Event()
        self._audience = Audience(frozenset(), frozenset())
        self._asked_at_s = float("-inf")

    def add(self, clicks: Sequence[EnrichedClick]) -> None:
        if len(self._rounds) >= MAX_ROUNDS:
            self._rounds.popleft()
            LIVE_ROUNDS_DROPPED.inc()
        self._rounds.append(clicks)
        self._has_rounds.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._has_rounds.wait()
            self._has_rounds.clear()
            while self._rounds:
                try:
                    await self._publish(self._rounds.popleft())
                except Exception as error:  # A round that nobody hears of is counted nevertheless.
                    LIVE_ROUNDS_DROPPED.inc()
                    log.warning("clicks_not_published", error=repr(error))

    async def _publish(self, clicks: Sequence[EnrichedClick]) -> None:
        audience = await self._ask()
        if not (audience.links or audience.workspaces):
            return
        sums = _sums(clicks, None if audience.workspaces else audience.links)
        if not sums:
            return
        async with self._database.driver_connection() as connection:
            rows = await connection.fetch(_LINKS, list(sums), list(audience.links), list(audience.workspaces))
        pipeline = self._redis.pipeline(transaction=False)
        for row in rows:
            message = _message(row["id"], sums[row["id"]], row["total"])
            for channel in _channels(row, audience):
                pipeline.publish(channel.topic, message)
        await pipeline.execute()

    async def _ask(self) -> Audience:
        now_s = time.monotonic()
        if now_s - self._asked_at_s >= AUDIENCE_S:
            topics = await self._redis.pubsub_channels(_ALL)
            self._audience, self._asked_at_s = _audience_of(topics), now_s
        return self._audience


def _audience_of(topics: Iterable[bytes]) -> Audience:
    channels = [read_topic(topic.decode()) for topic in topics]
    return Audience(
        frozenset(int(channel.subject) for channel in channels if channel.kind == "link"),
        frozenset(channel.subject for channel in channels if isinstance(channel.subject, uuid.UUID)),
    )


def _sums(clicks: Iterable[EnrichedClick], links: frozenset[int] | None) -> dict[int, _Sum]:
    """By link; of these links, or of all."""
    sums: defaultdict[int, _Sum] = defaultdict(_Sum)
    for click in clicks:
        if links is None or click.link_id in links:
            sums[click.link_id].add(click)
    return sums


def _channels(row: asyncpg.Record, audience: Audience) -> Iterable[Channel]:
    if row["id"] in audience.links:
        yield of_link(row["id"])
    if row["workspace_id"] in audience.workspaces:
        yield of_workspace(row["workspace_id"])


def _message(link_id: int, sum_: _Sum, total: int) -> bytes:
    members = {"link": link_id, "people": sum_.people, "bots": sum_.bots, "total": total}
    return orjson.dumps({"type": "clicks", **members, "clicks": [_sample(click) for click in sum_.clicks]})


def _sample(click: EnrichedClick) -> dict[str, Any]:
    """A click without its address, its visitor and the path that it came from."""
    return {
        "at": click.at,
        "country": click.country,
        "city": click.city,
        "referrer": click.referrer_host,
        "browser": click.browser,
        "system": click.system,
        "device": click.device,
        "language": click.language,
        "source": click.source or "link",
        "rule": click.rule,
        "variant": click.variant,
        "bot": click.bot,
    }


async def publish_link(redis: Redis, link_id: int, workspace_id: uuid.UUID | None, type_: str, data: Any) -> None:
    """Tell listeners of a link what the worker has noticed. While Redis is down, nobody hears of it."""
    channels = [of_link(link_id), *(() if workspace_id is None else (of_workspace(workspace_id),))]
    try:
        for channel in channels:
            await redis.publish(channel.topic, orjson.dumps({"type": type_, "data": data}, str))
    except (RedisError, OSError) as error:
        log.warning("link_not_published", error=repr(error))
