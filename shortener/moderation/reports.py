"""Reports of links, and their resolution."""

from collections.abc import Container
from enum import StrEnum
from urllib.parse import unquote

import ada_url
import structlog
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from shortener.access.models import Member, Role, User
from shortener.audit.trail import Action, link_subject, record, report_subject
from shortener.errors import Conflict, NotFound
from shortener.http.pagination import Page, read_newest
from shortener.links.models import Link
from shortener.moderation.bans import AlreadyBanned, mark_link
from shortener.moderation.models import ReportCase
from shortener.redirect.hosts import qualified
from shortener.redirect.request import match_code
from shortener.screening.destinations import OwnHosts, is_own, plain_host
from shortener.screening.urls import DEFAULT_PORTS

log = structlog.get_logger(__name__)

# Reports of each case that are stored with their text; further ones are only counted.
MAX_KEPT = 100

MAX_OWNERS = 5
_OWNER = aliased(User)
_OWNERS = func.array(
    select(_OWNER.email)
    .join(Member, Member.user_id == _OWNER.id)
    .where(Member.workspace_id == Link.workspace_id, Member.role == Role.OWNER)
    .order_by(_OWNER.email)
    .limit(MAX_OWNERS)
    .correlate(Link)
    .scalar_subquery()
)

# One statement, whether or not the link exists.
_REPORT = text("""
    WITH reported AS (
        INSERT INTO report_cases (link_id, reports)
        SELECT id, 1 FROM links
        WHERE id = (SELECT coalesce(alias_of, id) FROM links WHERE code = :code) AND deleted_at IS NULL
        ON CONFLICT (link_id) WHERE resolved_at IS NULL
        DO UPDATE SET reports = report_cases.reports + 1, last_at = now()
        RETURNING id, link_id, reports
    ), noted AS (
        INSERT INTO link_news (link_id, kind, key)
        SELECT link_id, 'reported', 'reported:' || id FROM reported WHERE reports = 1
    )
    INSERT INTO reports (case_id, reason, comment)
    SELECT id, :reason, :comment FROM reported WHERE reports <= :max_kept
""")

# A page may have ten thousand reports. The database writes them as JSON faster than Python builds models.
_SAID = text("""
    SELECT case_id, convert_to(json_agg(json_build_object(
        'reason', reason, 'comment', comment,
        'created_at', to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ) ORDER BY id)::text, 'UTF8') AS said
    FROM reports WHERE case_id = ANY(:case_ids) GROUP BY case_id
""")


class Reason(StrEnum):
    PHISHING = "phishing"
    MALWARE = "malware"
    SPAM = "spam"
    ILLEGAL = "illegal"
    OTHER = "other"


class Resolution(StrEnum):
    DISMISSED = "dismissed"
    BANNED = "banned"


class UnknownReport(NotFound):
    """Admins only: the report does not exist."""

    type, title = "report-not-found", "No such report"

    def __init__(self) -> None:
        super().__init__("This report does not exist.")


class AlreadyResolved(Conflict):
    """Admins only: somebody has already resolved this report."""

    type, title = "already-resolved", "Already resolved"

    def __init__(self) -> None:
        super().__init__("Somebody has already resolved this.")


def code_of(short_url: str, own: OwnHosts, domains: Container[str]) -> str:
    """The code in a short URL of this service, as it is stored; the scheme is optional. `domains` are the hosts with
    links of their own. Raises ValueError."""
    try:
        url = ada_url.URL(short_url if "://" in short_url else f"https://{short_url}")
    except ValueError:
        url = None
    if url is None or url.protocol not in DEFAULT_PORTS or not is_own(url, own):
        raise ValueError("this is not a short URL of this service")
    match = match_code(unquote(url.pathname))
    if match is None:
        raise ValueError("there is no code in this URL")
    host = plain_host(url.hostname)
    return qualified(match[0], host if host in domains else None)


async def report_link(session: AsyncSession, code: str, reason: Reason, comment: str | None) -> None:
    """The outcome does not reveal whether the link exists."""
    async with session.begin():
        await session.execute(_REPORT, {"code": code, "reason": reason, "comment": comment, "max_kept": MAX_KEPT})


async def list_cases(session: AsyncSession, is_resolved: bool, limit: int, cursor: str | None) -> Page:
    """Rows of the case, its link, the email of the admin who resolved it, and those of the link's owners. Raises
    InvalidCursor."""
    statement = (
        select(ReportCase, Link, User.email.label("resolved_by_email"), _OWNERS.label("owners"))
        .join(Link, Link.id == ReportCase.link_id)
        .outerjoin(User, User.id == ReportCase.resolved_by)
        .where(ReportCase.resolved_at.is_not(None) if is_resolved else ReportCase.resolved_at.is_(None))
    )
    name = f"reports:{is_resolved}"
    return await read_newest(session, statement, ReportCase.id, name=name, limit=limit, cursor=cursor)


async def reports_of(session: AsyncSession, case_ids: list[int]) -> dict[int, bytes]:
    """The reports of each case in order, as JSON of a list of `ReportOut`."""
    rows = await session.execute(_SAID, {"case_ids": case_ids})
    return {row.case_id: row.said for row in rows}


async def resolve(
    session: AsyncSession, case_id: int, resolution: Resolution, reason: str | None, admin_id: int
) -> str | None:
    """Close a case. If the decision is to ban the link, returns its code, which the caller evicts. Raises
    UnknownReport, AlreadyResolved, UnknownLink."""
    evicted: str | None = None
    async with session.begin():
        case = await session.get(ReportCase, case_id, with_for_update=True)
        if case is None:
            raise UnknownReport
        if case.resolved_at is not None:
            raise AlreadyResolved
        link = await session.get_one(Link, case.link_id)
        if resolution is Resolution.BANNED:
            evicted = await _ban_link(session, link.code, reason or f"Reported {case.reports} times", admin_id)
        case.resolved_at, case.resolved_by, case.resolution = func.now(), admin_id, resolution
        about = link_subject(link.code)
        record(session, Action.REPORT_RESOLVED, report_subject(case_id), link=about, resolution=resolution)
    log.info("report_resolved", case=case_id, resolution=resolution, admin=admin_id)
    return evicted


async def _ban_link(session: AsyncSession, code: str, reason: str, admin_id: int) -> str | None:
    try:
        await mark_link(session, code, reason, admin_id)
    except AlreadyBanned:
        return None
    return code
