"""From what a request says of a link to what is stored of it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from shortener.errors import InvalidField
from shortener.http.expiry import InvalidExpiry, check_expiry
from shortener.links.directory import Directory, UnknownDomain
from shortener.links.inserts import NewLink
from shortener.links.schemas import CreateFields, LinkFields, LinkOptions, LinkUpdate
from shortener.screening.destinations import Destination, read_destination
from shortener.screening.lookalikes import Flag
from shortener.screening.metrics import DESTINATIONS_REFUSED
from shortener.screening.policy import LinkPolicy, RefusedDestination
from shortener.tags.assignment import TagsNeedOwner, TooManyTags

# Members of a request that the column `options` holds, by their names there.
OPTIONS = {
    "fallback_url": "fallback_url",
    "redirect_status": "redirect_status",
    "forward_query": "forward_query",
    "forward_path": "forward_path",
    "indexable": "is_indexable",
    "public_stats": "has_public_stats",
    "utm": "utm",
    "rules": "rules",
    "variants": "variants",
    "preview": "preview",
}
# What each of them is on a plain link.
PLAIN = {name: LinkOptions.model_fields[name].default for name in OPTIONS}


class InvalidDestination(InvalidField):
    """The URL cannot be shortened; `detail` says why.

    Use an `http` or `https` URL of another site, without credentials.
    """

    type, title = "invalid-destination", "Invalid destination"

    def __init__(self, reason: str, field: str = "/url") -> None:
        super().__init__(field, reason)


class InvalidSchedule(InvalidField):
    """`starts_at` of a link is not before its `expires_at`."""

    type, title = "invalid-schedule", "Invalid schedule"

    def __init__(self) -> None:
        super().__init__("/starts_at", "the link begins no earlier than it ends")


class CitiesUnknown(InvalidField):
    """A condition names a city, and the service has no geo database with cities.

    Ask the operator to set `SHORTENER_GEO_DATABASE`.
    """

    type, title = "cities-unknown", "Cities are not known"

    def __init__(self, field: str) -> None:
        super().__init__(field, "conditions of cities need a geo database, which this service does not have")


# Why a request for a link, or for a change of one, is refused.
REFUSALS = (
    InvalidDestination,
    RefusedDestination,
    InvalidExpiry,
    InvalidSchedule,
    CitiesUnknown,
    TagsNeedOwner,
    TooManyTags,
    UnknownDomain,
)


class LinkChecks:
    """Reads requests. `knows_cities` says whether conditions of cities can match at this moment. `stored_code` gives
    the form of a code in the database. `tags_need_owner` says whether anonymous clients may not tag their links."""

    def __init__(
        self,
        directory: Directory,
        policy: LinkPolicy,
        knows_cities: Callable[[], bool],
        stored_code: Callable[[str], str],
        tags_need_owner: bool,
    ) -> None:
        self._tags_need_owner = tags_need_owner
        self.directory = directory
        self._policy = policy
        self._knows_cities = knows_cities
        self.stored_code = stored_code

    def new_link(self, request: LinkFields, is_anonymous: bool) -> NewLink:
        """Raises InvalidDestination, RefusedDestination, InvalidExpiry, InvalidSchedule, CitiesUnknown,
        TagsNeedOwner."""
        expires_at = request.expires_at
        check_expiry(expires_at)
        if is_anonymous:
            expires_at = self._policy.expiry(expires_at, datetime.now(UTC))
        destination, flag = self._checked_destination(request.url, is_anonymous)
        has_warning = self._policy.warns(flag, is_anonymous)
        code = None if request.code is None else self.stored_code(request.code)
        new = NewLink(code, destination.url, request.title or None, expires_at, flag, has_warning)
        new.domain, new.names_domain = request.domain, "domain" in request.model_fields_set
        if isinstance(request, CreateFields) and request.reuse:
            new.reuse = request.model_fields_set
        # Most have none of what follows.
        if request.model_fields_set & LinkOptions.model_fields.keys():
            check_order(request.starts_at, expires_at)
            new.starts_at, new.max_clicks = request.starts_at, request.max_clicks
            new.note, new.is_archived, new.password = request.note or None, request.archived, request.password
            new.options = self._options(request, None, is_anonymous)
            new.tags = self.tags(request, is_anonymous)
        return new

    def changes(self, request: LinkUpdate, is_anonymous: bool, now: Mapping[str, Any] | None) -> dict[str, Any]:
        """The values of columns that the request asks for; `now` is what the column `options` holds.
        Raises what `new_link` raises."""
        asked = request.model_fields_set
        changes = {name: getattr(request, name) for name in ("title", "expires_at", "starts_at", "max_clicks", "note")}
        changes = {name: value for name, value in changes.items() if name in asked}
        if "url" in asked:
            destination, flag = self._checked_destination(request.url, is_anonymous)
            has_warning = self._policy.warns(flag, is_anonymous)
            changes |= {"url": destination.url, "flag": flag, "has_warning": has_warning}
        if "expires_at" in changes:
            check_expiry(changes["expires_at"])
        for name in {"title", "note"} & changes.keys():
            changes[name] = changes[name] or None
        for name, column in (("disabled", "is_disabled"), ("archived", "is_archived"), ("workspace", "workspace_id")):
            if name in asked:
                changes[column] = getattr(request, name)
        if asked & OPTIONS.keys():
            changes["options"] = self._options(request, now, is_anonymous)
        return changes

    def tags(self, request: LinkOptions, is_anonymous: bool) -> list[str]:
        """Raises TagsNeedOwner."""
        if request.tags and is_anonymous and self._tags_need_owner:
            raise TagsNeedOwner
        return request.tags

    def _options(
        self, request: LinkOptions, now: Mapping[str, Any] | None, is_anonymous: bool
    ) -> dict[str, Any] | None:
        """The column's value: `now` with what the request asks for; None when nothing of it is left."""
        options = dict(now or {})
        for name in OPTIONS.keys() & request.model_fields_set:
            value = request.model_dump(mode="json", by_alias=True, include={name}, exclude_none=True).get(name)
            options.pop(OPTIONS[name], None)
            if value is not None and value != PLAIN[name]:
                options[OPTIONS[name]] = value
        for part, key, field in _urls_in(options):
            # What stays as it was has been checked before, and may be banned by now.
            if field.split("/")[1] in request.model_fields_set:
                part[key] = self._other_destination(part[key], field, is_anonymous)
        if not self._knows_cities():
            _check_no_city(options)
        return options or None

    def _other_destination(self, url: str, field: str, is_anonymous: bool) -> str:
        destination, flag = self._checked_destination(url, is_anonymous, field)
        if self._policy.warns(flag, is_anonymous):
            raise InvalidDestination("such names can deceive: without login or API key no rule leads there", field)
        return destination.url

    def _checked_destination(
        self, url: str, is_anonymous: bool, field: str = "/url"
    ) -> tuple[Destination, Flag | None]:
        try:
            destination = read_destination(url, self.directory.own)
        except ValueError as error:
            DESTINATIONS_REFUSED.labels("invalid").inc()
            raise InvalidDestination(str(error), field) from None
        return destination, self._policy.check(destination.host, is_anonymous, field)


def check_order(starts_at: datetime | None, expires_at: datetime | None) -> None:
    """Raises InvalidSchedule when a link would end before it begins."""
    if starts_at is not None and expires_at is not None and starts_at >= expires_at:
        raise InvalidSchedule


def changed_options(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[str]:
    """Names of the members of a request whose values in the column `options` differ."""
    before, after = before or {}, after or {}
    return [name for name, key in OPTIONS.items() if before.get(key) != after.get(key)]


def _urls_in(options: Mapping[str, Any]) -> Iterator[tuple[Any, str, str]]:
    """What holds a URL, under which key, and the JSON pointer to it in a request."""
    if "fallback_url" in options:
        yield options, "fallback_url", "/fallback_url"
    for name in ("rules", "variants"):
        for n, part in enumerate(options.get(name, ())):
            yield part, "url", f"/{name}/{n}/url"
    if "image_url" in options.get("preview", {}):
        yield options["preview"], "image_url", "/preview/image_url"


def _check_no_city(options: Mapping[str, Any]) -> None:
    for n, rule in enumerate(options.get("rules", ())):
        for m, condition in enumerate(rule["if"]):
            if condition["type"] == "city":
                raise CitiesUnknown(f"/rules/{n}/if/{m}")
