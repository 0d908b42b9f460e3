"""What can be done with links. Each function is one short transaction; evicting follows the commit."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.abuse.checks import ask_again
from shortener.abuse.lookalikes import Flag
from shortener.abuse.policy import LinkPolicy
from shortener.clicks.models import ClickTotal
from shortener.database import Database, driver_of
from shortener.errors import NotFound, ShortenerError, Unprocessable
from shortener.links.bulk import NewLink, Outcome, insert_many, insert_one
from shortener.links.destinations import Destination, OwnHosts, read_destination
from shortener.links.idempotency import claim
from shortener.links.models import Link
from shortener.links.schemas import LinkCreate, LinkUpdate
from shortener.redirect.cache import evict, evict_present
from shortener.telemetry import DESTINATIONS_REFUSED

log = structlog.get_logger(__name__)

# Redirects wait while the items of a bulk request are checked: for so many at most.
_CHECKED_AT_ONCE = 50
# A Redis that hangs does not hold up who changes a link: no memory trusts it for longer either.
EVICT_TIMEOUT_S = 1.0


class InvalidDestination(Unprocessable):
    type, title = "invalid-destination", "Invalid destination"


class InvalidExpiry(Unprocessable):
    type, title = "invalid-expiry", "Invalid expiry"


class UnknownLink(NotFound):
    type, title = "link-not-found", "No such link"

    def __init__(self, code: str) -> None:
        super().__init__(f"There is no link {code}.")


class LinkService:
    """Creates, changes and deletes links. `forget` is told what has changed: this process sees it at once."""

    def __init__(
        self,
        database: Database,
        redis: Redis,
        own: OwnHosts,
        policy: LinkPolicy,
        code_length: int,
        forget: Callable[[Iterable[str]], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._redis = redis
        self._own = own
        self._policy = policy
        self._code_length = code_length
        self._forget = forget

    async def create(self, request: LinkCreate, is_anonymous: bool) -> Link:
        """Raises CodeTaken, InvalidDestination, RefusedDestination, InvalidExpiry."""
        new = self._checked(request, is_anonymous)
        # One statement, which is a transaction by itself: around it SQLAlchemy would take most of the time.
        async with self._database.driver_connection() as connection:
            link = await insert_one(connection, new, self._code_length)
        await self.evict(link.code)
        return link

    async def create_once(
        self,
        session: AsyncSession,
        request: LinkCreate,
        is_anonymous: bool,
        write: Callable[[Link], bytes],
        client: str,
        key: str,
    ) -> bytes:
        """Create and `write` the answer, or give what was written for this client's key, whatever has become of the
        link since. Raises also IdempotencyKeyReused."""
        fingerprint = hashlib.sha256(request.model_dump_json().encode()).digest()
        new = self._checked(request, is_anonymous)
        async with session.begin():
            record, is_new = await claim(session, client, key, fingerprint)
            if not is_new:
                # Versions before have stored no answer.
                return record.answer or write(await session.get_one(Link, record.link_id))
            link = await insert_one(await driver_of(await session.connection()), new, self._code_length)
            record.link_id, record.answer = link.id, (answer := write(link))
        await self.evict(link.code)
        return answer

    async def create_many(
        self, session: AsyncSession, requests: Sequence[LinkCreate | ShortenerError], is_anonymous: bool
    ) -> list[Outcome]:
        """What each request comes to, in order; one that is an error already stays it. In one transaction."""
        outcomes = await self._judged(requests, is_anonymous)
        async with session.begin():
            await insert_many(session, outcomes, self._code_length)
        await self._evict_new(requests, outcomes)
        return outcomes

    async def create_many_once(
        self,
        session: AsyncSession,
        requests: Sequence[LinkCreate | ShortenerError],
        is_anonymous: bool,
        write: Callable[[Sequence[Outcome]], bytes],
        client: str,
        key: str,
        fingerprint: bytes,
    ) -> bytes:
        """Create and `write` the answer, or give what was written for this client's key.
        Raises IdempotencyKeyReused."""
        outcomes = await self._judged(requests, is_anonymous)
        async with session.begin():
            record, is_new = await claim(session, client, key, fingerprint)
            if not is_new:
                return record.answer or b""
            await insert_many(session, outcomes, self._code_length)
            record.answer = answer = write(outcomes)
        await self._evict_new(requests, outcomes)
        return answer

    async def get(self, session: AsyncSession, code: str) -> tuple[Link, int]:
        """A link and its clicks. Raises UnknownLink."""
        row = (
            await session.execute(
                select(Link, func.coalesce(ClickTotal.clicks, 0))
                .outerjoin(ClickTotal, ClickTotal.link_id == Link.id)
                .where(Link.code == code, Link.deleted_at.is_(None))
            )
        ).one_or_none()
        if row is None:
            raise UnknownLink(code)
        return row[0], row[1]

    async def update(
        self, session: AsyncSession, code: str, request: LinkUpdate, is_anonymous: bool
    ) -> tuple[Link, int]:
        """Change what the request names. Raises UnknownLink, InvalidDestination, RefusedDestination, InvalidExpiry."""
        changes = request.model_dump(exclude_unset=True)
        if "url" in changes:
            destination, flag = self._checked_destination(changes["url"], is_anonymous)
            changes |= {"url": destination.url, "flag": flag, "has_warning": self._policy.warns(flag, is_anonymous)}
        if "expires_at" in changes:
            _check_expiry(changes["expires_at"])
        if "title" in changes:
            changes["title"] = changes["title"] or None
        if "disabled" in changes:
            changes["is_disabled"] = changes.pop("disabled")
        async with session.begin():
            link, clicks = await self._locked(session, code)
            if "expires_at" in changes and is_anonymous:
                changes["expires_at"] = self._policy.expiry(changes["expires_at"], link.created_at)
            if changes.get("url", link.url) != link.url:
                await ask_again(session, link.id)
            for name, value in changes.items():
                setattr(link, name, value)
            link.updated_at = datetime.now(UTC)
        await self.evict(code)
        return link, clicks

    async def delete(self, session: AsyncSession, code: str) -> None:
        """Raises UnknownLink. Figures and the code stay; the code is not handed out again."""
        async with session.begin():
            link, _ = await self._locked(session, code)
            link.deleted_at = link.updated_at = datetime.now(UTC)
        await self.evict(code)

    async def _locked(self, session: AsyncSession, code: str) -> tuple[Link, int]:
        link, clicks = await self.get(session, code)
        await session.refresh(link, with_for_update=True)
        if link.deleted_at is not None:
            raise UnknownLink(code)
        return link, clicks

    async def _judged(self, requests: Sequence[LinkCreate | ShortenerError], is_anonymous: bool) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for n, request in enumerate(requests):
            if n % _CHECKED_AT_ONCE == 0:
                await asyncio.sleep(0)
            outcomes.append(request if isinstance(request, ShortenerError) else self._judge(request, is_anonymous))
        return outcomes

    def _judge(self, request: LinkCreate, is_anonymous: bool) -> Outcome:
        try:
            return self._checked(request, is_anonymous)
        except ShortenerError as error:
            return error

    def _checked(self, request: LinkCreate, is_anonymous: bool) -> NewLink:
        expires_at = request.expires_at
        _check_expiry(expires_at)
        if is_anonymous:
            expires_at = self._policy.expiry(expires_at, datetime.now(UTC))
        destination, flag = self._checked_destination(request.url, is_anonymous)
        has_warning = self._policy.warns(flag, is_anonymous)
        return NewLink(request.code, destination.url, request.title or None, expires_at, flag, has_warning)

    def _checked_destination(self, url: str, is_anonymous: bool) -> tuple[Destination, Flag | None]:
        try:
            destination = read_destination(url, self._own)
        except ValueError as error:
            DESTINATIONS_REFUSED.labels("invalid").inc()
            reason = str(error)
            field = {"in": "body", "field": "/url", "message": reason}
            raise InvalidDestination(f"{reason[0].upper()}{reason[1:]}.", errors=[field]) from None
        return destination, self._policy.check(destination.host, is_anonymous)

    async def _evict_new(self, requests: Sequence[LinkCreate | ShortenerError], outcomes: Sequence[Outcome]) -> None:
        """Somebody may have asked for a code before there was a link."""
        chosen = {request.code for request in requests if isinstance(request, LinkCreate) and request.code}
        new = [outcome.code for outcome in outcomes if isinstance(outcome, NewLink) and outcome.code]
        await self.evict(*chosen.intersection(new), generated=[code for code in new if code not in chosen])

    async def evict(self, *codes: str, generated: Sequence[str] = ()) -> None:
        """Links have changed: everybody is to forget them."""
        try:
            async with asyncio.timeout(EVICT_TIMEOUT_S):
                await evict(self._redis, codes)
                await evict_present(self._redis, generated)
        except (RedisError, OSError) as error:
            # The worker evicts again whatever has changed, as soon as Redis answers.
            log.warning("not_evicted", codes=codes[:10], error=repr(error))
        self._forget([*codes, *generated])


def _check_expiry(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= datetime.now(UTC):
        field = {"in": "body", "field": "/expires_at", "message": "the time has passed"}
        raise InvalidExpiry("The time of expiry has passed.", errors=[field])
