"""Records actions in the transaction that does them: `record(session, Action.USER_DELETED, user_subject(7))`."""

import uuid
from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection

from shortener.access.actors import ACTOR_KEY, ANONYMOUS, Actor
from shortener.access.principals import PRINCIPAL_KEY, Principal, user_subject
from shortener.audit.models import AuditEntry
from shortener.http.client_address import coarse_network
from shortener.http.parts import PROXIES
from shortener.parts import parts_of
from shortener.stores.database import REQUEST_KEY
from shortener.text import log_line

MAX_VALUE = 200

Value = str | int | bool | Iterable[str]


class Action(StrEnum):
    """The actions; docs/security.md explains each."""

    LOGIN_SUCCEEDED = "login.succeeded"
    LOGIN_REFUSED = "login.refused"
    SESSION_ENDED = "session.ended"
    REGISTRATION_REFUSED = "registration.refused"
    USER_CREATED = "user.created"
    USER_DELETED = "user.deleted"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105  (what is done, no password)
    PASSWORD_REFUSED = "password.refused"  # noqa: S105
    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"
    LINK_CHANGED = "link.changed"
    LINK_DELETED = "link.deleted"
    LINK_RESTORED = "link.restored"
    LINKS_DELETED = "links.deleted"
    LINKS_ADOPTED = "links.adopted"
    TAG_CHANGED = "tag.changed"
    TAG_MERGED = "tag.merged"
    TAG_DELETED = "tag.deleted"
    WORKSPACE_CREATED = "workspace.created"
    WORKSPACE_RENAMED = "workspace.renamed"
    WORKSPACE_DELETED = "workspace.deleted"
    LOGO_SET = "logo.set"
    LOGO_REMOVED = "logo.removed"
    DOMAIN_ADDED = "domain.added"
    DOMAIN_VERIFIED = "domain.verified"
    DOMAIN_CHANGED = "domain.changed"
    DOMAIN_REMOVED = "domain.removed"
    MEMBER_ADDED = "member.added"
    MEMBER_CHANGED = "member.changed"
    MEMBER_REMOVED = "member.removed"
    INVITATION_CREATED = "invitation.created"
    INVITATION_REVOKED = "invitation.revoked"
    INVITATION_ACCEPTED = "invitation.accepted"
    IDENTITY_LINKED = "identity.linked"
    BAN_CREATED = "ban.created"
    BAN_LIFTED = "ban.lifted"
    REPORT_RESOLVED = "report.resolved"


def link_subject(code: str) -> str:
    return f"link:{code}"


def tag_subject(name: str) -> str:
    return f"tag:{name}"


def workspace_subject(workspace_id: uuid.UUID) -> str:
    return f"workspace:{workspace_id}"


def domain_subject(host: str) -> str:
    return f"domain:{host}"


def invitation_subject(invitation_id: uuid.UUID) -> str:
    return f"invitation:{invitation_id}"


def ban_subject(ban_id: int) -> str:
    return f"ban:{ban_id}"


def report_subject(case_id: int) -> str:
    return f"report:{case_id}"


def record(
    session: AsyncSession,
    action: Action,
    target: str | None = None,
    *,
    by: Principal | None = None,
    **details: Value,
) -> None:
    """Add an entry to the session's transaction: it exists if and only if that is committed.

    The actor is the sender of the session's request, or the actor that the session was opened for; `by` names them if
    they are only known now. Details never contain secrets or addresses.
    """
    actor = _actor_of(session, by)
    entry = AuditEntry(action=action, actor=actor.name, means=actor.means, client=actor.client)
    entry.target = None if target is None else str(_plain(target))
    entry.details = {name: _plain(value) for name, value in details.items()}
    session.add(entry)


def _actor_of(session: AsyncSession, by: Principal | None) -> Actor:
    request: HTTPConnection | None = session.info.get(REQUEST_KEY)
    if request is None:
        actor: Actor = session.info[ACTOR_KEY]
        return actor
    client = coarse_network(parts_of(request)[PROXIES].client_of(request.scope))
    principal: Principal | None = by or request.scope.get(PRINCIPAL_KEY)
    if principal is None:
        return Actor(ANONYMOUS, client=client)
    return Actor(user_subject(principal.user_id), principal.means, client)


def _plain(value: Value) -> str | int | list[str]:
    """A value that is safe in a log: short, and without line breaks or other control characters."""
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return log_line(value[:MAX_VALUE])
    return [str(_plain(item)) for item in value]
