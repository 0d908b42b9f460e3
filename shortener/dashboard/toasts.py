"""One message for the next page: what was done, and how to undo it. The cookie holds no text, only which message."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from shortener.dashboard.wording import _, ngettext

_COOKIE = "toast"
_SECONDS = 60
# Browsers keep cookies of 4 KB.
_MAX = 3500
_KIND = 20


class Toast(NamedTuple):
    """`undo` is the path of a form that takes it back, and `codes` are the links that the form names."""

    text: str
    undo: str | None = None
    codes: Sequence[str] = ()


def _messages(kind: str, subject: str) -> Toast | None:
    texts: Final = {
        "deleted": Toast(_("%(code)s deleted", code=subject), f"/-/links/{subject}/restore"),
        "restored": Toast(_("%(code)s is back", code=subject)),
        "disabled": Toast(_("%(code)s disabled", code=subject), f"/-/links/{subject}/enable"),
        "enabled": Toast(_("%(code)s enabled", code=subject), f"/-/links/{subject}/disable"),
        "archived": Toast(_("%(code)s archived", code=subject), f"/-/links/{subject}/unarchive"),
        "unarchived": Toast(_("%(code)s is no longer archived", code=subject), f"/-/links/{subject}/archive"),
        "saved": Toast(_("%(code)s saved", code=subject)),
        "tag-saved": Toast(_("%(name)s saved", name=subject)),
        "tag-merged": Toast(_("Merged into %(name)s", name=subject)),
        "tag-deleted": Toast(_("%(name)s deleted", name=subject)),
        "domain-saved": Toast(_("%(name)s saved", name=subject)),
        "domain-verified": Toast(_("%(name)s is verified. Links work on it.", name=subject)),
        "domain-removed": Toast(_("%(name)s removed", name=subject)),
        "preferences": Toast(_("Preferences saved")),
        "comment-deleted": Toast(_("Comment deleted")),
        "key-revoked": Toast(_("Key revoked")),
        "role-changed": Toast(_("Role changed")),
        "member-removed": Toast(_("Member removed")),
        "invitation-revoked": Toast(_("Invitation revoked")),
        "workspace-renamed": Toast(_("Workspace renamed")),
        "workspace-deleted": Toast(_("Workspace deleted")),
        "workspace-left": Toast(_("You have left the workspace")),
        "joined": Toast(_("You are a member now")),
        "banned": Toast(_("Banned")),
        "ban-lifted": Toast(_("Ban lifted")),
        "report-banned": Toast(_("Link banned")),
        "report-dismissed": Toast(_("Reports dismissed")),
        "link-disabled": Toast(_("%(code)s disabled", code=subject)),
        "link-enabled": Toast(_("%(code)s enabled", code=subject)),
        "user-disabled": Toast(_("User disabled")),
        "user-enabled": Toast(_("User enabled")),
        "password-changed": Toast(_("Password changed")),
        "account-deleted": Toast(_("Your account is deleted")),
    }
    return texts.get(kind)


def set_toast(response: Response, kind: str, subject: str = "") -> Response:
    response.set_cookie(
        _COOKIE, f"{kind}:{quote(subject, safe='')}", max_age=_SECONDS, path="/-/", httponly=True, samesite="lax"
    )
    return response


def take_toast(request: Request) -> Toast | None:
    """The message that the request's cookie names; the answer clears the cookie."""
    kind, _colon, quoted = request.cookies.get(_COOKIE, "")[:_MAX].partition(":")
    subject = unquote(quoted)
    # Codes become paths; names of tags do not.
    if not kind.startswith("tag-") and not all(each.isalnum() or each in "-_." for each in subject):
        return None
    if kind.startswith("many-"):
        return _of_many(kind, subject)
    return _messages(kind, subject)


def subject_of(codes: Sequence[str]) -> str:
    """How many links a message is about, and which, where a cookie can hold them."""
    named = ".".join((str(len(codes)), *codes))
    return named if len(quote(named, safe="")) < _MAX - _KIND else str(len(codes))


def _of_many(kind: str, subject: str) -> Toast | None:
    count, *codes = subject.split(".")
    n = int(count) if count.isdecimal() else 0
    texts = {
        "many-replayed": ngettext("%(n)s batch is counted again", "%(n)s batches are counted again", n),
        "many-sessions": ngettext("Logged out in %(n)s place", "Logged out in %(n)s places", n),
        "many-delete": ngettext("%(n)s link deleted", "%(n)s links deleted", n),
        "many-restore": ngettext("%(n)s link is back", "%(n)s links are back", n),
        "many-disable": ngettext("%(n)s link disabled", "%(n)s links disabled", n),
        "many-enable": ngettext("%(n)s link enabled", "%(n)s links enabled", n),
        "many-archive": ngettext("%(n)s link archived", "%(n)s links archived", n),
        "many-unarchive": ngettext("%(n)s link is no longer archived", "%(n)s links are no longer archived", n),
    }
    undo = "/-/bulk/restore" if kind == "many-delete" and codes else None
    return Toast(texts[kind], undo, codes) if kind in texts else None
