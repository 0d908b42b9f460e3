"""Forms of links as the services take them, and their errors beside the fields."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from shortener.access.memberships import InsufficientRole
from shortener.access.models import Role
from shortener.dashboard.conditions import read_condition
from shortener.dashboard.faults import said_fault
from shortener.dashboard.wording import _
from shortener.errors import ShortenerError
from shortener.http.problems import invalid_request

# In place of a domain: the service's own address.
OWN_HOST = "-"
UTM = ("source", "medium", "campaign", "term", "content")
PRESETS = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HOST_WITH_PORT = re.compile(r"[^/?#\s:]+:\d{1,5}(?:[/?#]|$)")
# Form fields that hold a text, under the names of the API. An empty one means null.
_TEXTS = ("title", "note", "fallback_url")
SWITCHES = ("forward_query", "forward_path", "indexable", "public_stats")
_PREVIEW = ("title", "description", "image_url")

Errors = dict[str, str]


async def read_form(request: Request) -> FormData:
    """The fields of the form. It may have no files."""
    return await request.form(max_files=0)


def text_of(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def with_scheme(url: str) -> str:
    """The URL as it was meant: `example.com/x` is an https URL."""
    if not url or (_SCHEME.match(url) and not _HOST_WITH_PORT.match(url)):
        return url
    return f"https://{url.removeprefix('//')}"


async def in_turns(model: type[BaseModel], fields: dict[str, Any]) -> Any:
    """As `validated`, with a turn for others before and after: a form with many rules takes long to read, to check and
    to store."""
    await asyncio.sleep(0)
    body = validated(model, fields)
    await asyncio.sleep(0)
    return body


def link_fields(form: FormData, zone: ZoneInfo) -> dict[str, Any]:
    """The members of a link that the form has, as in the body of a request to the API."""
    fields: dict[str, Any] = {"url": with_scheme(text_of(form, "url"))}
    if code := text_of(form, "code"):
        fields["code"] = code
    fields |= {name: text_of(form, name) or None for name in _TEXTS if name in form}
    if fields.get("fallback_url"):
        fields["fallback_url"] = with_scheme(fields["fallback_url"])
    if "tags" in form:
        fields["tags"] = [tag for tag in re.split(r"[,\n]", text_of(form, "tags")) if tag.strip()]
    fields |= _ends(form, zone)
    if password := text_of(form, "password"):
        fields["password"] = password
    elif text_of(form, "remove_password"):
        fields["password"] = None
    if workspace := text_of(form, "workspace"):
        fields["workspace"] = workspace
    if "domain" in form:
        domain = text_of(form, "domain")
        fields["domain"] = None if domain == OWN_HOST else domain
    return fields | (_options(form) if "is_whole" in form else {})


def _ends(form: FormData, zone: ZoneInfo) -> dict[str, Any]:
    fields: dict[str, Any] = {
        name: moment_of(text_of(form, name), zone) for name in ("starts_at", "expires_at") if name in form
    }
    if preset := PRESETS.get(text_of(form, "expires_in")):
        fields["expires_at"] = (datetime.now(UTC) + preset).isoformat()
    if "max_clicks" in form:
        fields["max_clicks"] = text_of(form, "max_clicks") or None
    return fields


def _options(form: FormData) -> dict[str, Any]:
    """What only the whole form has. A switch that is off is not sent."""
    utm = {name: text_of(form, f"utm_{name}") or None for name in UTM}
    preview = {name: text_of(form, f"preview_{name}") or None for name in _PREVIEW}
    status = text_of(form, "redirect_status")
    return {
        **{name: name in form for name in SWITCHES},
        "redirect_status": int(status) if status.isdecimal() else 302,
        "utm": utm if any(utm.values()) else None,
        "preview": preview if any(preview.values()) else None,
        "variants": list(_variants(form)),
        "rules": list(_rules(form)),
    }


def _variants(form: FormData) -> Iterator[dict[str, Any]]:
    names, urls, weights = (form.getlist(f"variant_{part}") for part in ("name", "url", "weight"))
    for name, url, weight in zip(names, urls, weights, strict=False):
        if isinstance(url, str) and url.strip():
            yield {"name": str(name), "url": with_scheme(url.strip()), "weight": str(weight).strip() or 1}


def _rules(form: FormData) -> Iterator[dict[str, Any]]:
    """Each rule has as many fields of each kind as it has conditions."""
    for number in form.getlist("rule"):
        url = text_of(form, f"rule_{number}_url")
        kinds, values = form.getlist(f"rule_{number}_if"), form.getlist(f"rule_{number}_value")
        conditions = [read_condition(str(kind), str(value)) for kind, value in zip(kinds, values, strict=False) if kind]
        if url or conditions:
            name = text_of(form, f"rule_{number}_name")
            yield {"name": name, "url": with_scheme(url), "if": conditions}


def moment_of(text: str, zone: ZoneInfo) -> str | None:
    """A moment of an `<input type="datetime-local">` in the reader's zone; other texts stay as they are."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()


def validated(model: type[BaseModel], fields: dict[str, Any]) -> Any:
    """Raises Unprocessable."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise invalid_request([{**fault, "loc": ("body", *fault["loc"])} for fault in faults]) from None


def errors_of(error: ShortenerError) -> Errors:
    """The messages by field; those that belong to none are under the empty name."""
    found: Errors = {}
    for fault in error.errors:
        found.setdefault(fault["field"].lstrip("/").partition("/")[0], sentence(fault["message"]))
    if error.type == "code-taken":
        found = {"code": _("This code is taken.")}
    return found or {"": said(error)}


def wait_of(error: ShortenerError) -> int | None:
    """The seconds after which it can be tried again."""
    seconds = error.headers.get("Retry-After", "")
    return int(seconds) if seconds.isdecimal() else None


def sentence(message: str) -> str:
    message = said_fault(message)
    return f"{message[:1].upper()}{message[1:]}{'' if message.endswith('.') else '.'}"


def said(error: ShortenerError) -> str:
    """The error in the reader's language where there is a sentence for its type."""
    texts = {
        "invalid-login": _("Email or password is wrong."),
        "authentication-required": _("Your login has ended. Log in in another tab, then send this again."),
        "too-many-requests": _("That was too much at once. Wait a moment and try again."),
        "too-many-bytes": _("That was too much at once. Wait a moment and try again."),
        "link-not-found": _("The link does not exist, or is not yours."),
        "insufficient-role": _("Your role in this workspace only lets you read."),
        "changed-meanwhile": _("Somebody has changed the link meanwhile. Nothing was saved."),
        "service-unavailable": _("The database does not answer at the moment. Redirects go on and are counted."),
        "cross-site-request": _("This request does not come from a page of this service. Nothing was done."),
        "not-found": _("No page has this address."),
        "internal-error": _("Something went wrong here. The reason is in the log of the service."),
        "workspace-not-found": _("The workspace does not exist, or you are not a member of it."),
        "domain-not-verified": _("The TXT record was not found. New records take up to an hour: try again later."),
        "domain-taken": _("Another workspace holds this domain."),
        "tag-exists": _("There is such a tag already. You can merge the two."),
        "tag-not-found": _("The workspace has no such tag."),
        "domain-not-found": _("The domain does not exist, or is not yours."),
        "wrong-password": _("The password is wrong."),
        "registration-closed": _("The operator of this service creates accounts."),
        "invitation-required": _("This address needs an invitation that is still valid."),
        "last-owner": _("A workspace needs an owner. Make somebody else an owner first."),
        "already-member": _("This address is already a member of the workspace."),
        "invitation-not-found": _("This invitation is not for this address, was used, or is no longer valid."),
        "too-many-invitations": _("You have too many open invitations. Revoke one first."),
        "too-many-workspaces": _("You own too many workspaces. Delete one that you no longer need."),
        "personal-workspace": _("A personal workspace has one member, and is deleted with the account."),
        "too-many-keys": _("You have too many keys. Revoke one that you no longer need."),
        "fresh-login-required": _("Log out and in again first: without a password here, that proves it is you."),
        "only-owner": _(
            "You are the only owner of a workspace. Make somebody else an owner of each, or delete it, first."
        ),
        "already-banned": _("This is already banned. To change the reason, lift that ban first."),
        "own-ban": _("Nobody can lock themselves out."),
        "user-banned": _("This user is banned. Lift the ban to enable them."),
        "comment-not-found": _("The comment was deleted meanwhile."),
        "other-author": _("Only who wrote a comment can change or delete it."),
        "too-many-comments": _("This link has as many comments as it can have. Delete some of yours."),
        "user-not-found": _("There is no such user."),
        "already-resolved": _("Somebody has already resolved this."),
        "too-many-failures": _("Too many wrong passwords. Wait a while and try again."),
    }
    if isinstance(error, InsufficientRole) and error.needed is Role.OWNER:
        return _("Only owners of the workspace can do that.")
    return texts.get(error.type) or error.detail
