"""Links as the API gives them."""

import uuid
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, create_model

from shortener.links.checks import OPTIONS, PLAIN
from shortener.links.conditions import STORED
from shortener.links.ids import link_id_of
from shortener.links.models import Link
from shortener.links.schemas import LinkOut
from shortener.redirect.hosts import short_url, split_code
from shortener.screening.ban_list import BanList
from shortener.screening.destinations import host_of
from shortener.screening.lookalikes import Flag

# Options as an answer has them, with null for members that are not set.
_Options: type[BaseModel] = create_model(  # type: ignore[call-overload]
    "_Options", **{name: (LinkOut.model_fields[name].annotation, ...) for name in OPTIONS}
)


def members_of(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """The members of a link that the column `options` holds."""
    if not options:
        return PLAIN
    return {name: options.get(key, PLAIN[name]) for name, key in OPTIONS.items()}


def json_members_of(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """The same as JSON has them."""
    if not options:
        return PLAIN
    return _Options.model_validate(members_of(options), context=STORED).model_dump(mode="json", by_alias=True)


def link_name(number: int, stored_code: str, workspace_id: uuid.UUID | None) -> dict[str, Any]:
    """A link as messages name it."""
    domain, code = split_code(stored_code)
    return {"link": link_id_of(number), "code": code, "domain": domain, "workspace": workspace_id}


def link_members(link: Link, clicks: int, base_url: str, ban_list: BanList) -> dict[str, Any]:
    """The members of a LinkOut. Validate them in the context `STORED`."""
    domain, code = split_code(link.code)
    return {
        "id": link_id_of(link.id),
        "code": code,
        "domain": domain,
        "short_url": short_url(base_url, link.code),
        "url": link.url,
        "title": link.title,
        "created_at": link.created_at,
        "updated_at": link.updated_at,
        "expires_at": link.expires_at,
        "disabled": link.is_disabled,
        "banned": link.ban_id is not None or ban_list.state_of(host_of(link.url)) is not None,
        "flag": None if link.flag is None else Flag(link.flag),
        "clicks": clicks,
        "workspace": link.workspace_id,
        "starts_at": link.starts_at,
        "max_clicks": link.max_clicks,
        "has_password": link.password_hash is not None,
        "note": link.note,
        "archived": link.is_archived or False,
        "tags": sorted(link.tag_names or ()),
        **members_of(link.options),
    }


def link_out(link: Link, clicks: int, base_url: str, ban_list: BanList) -> LinkOut:
    return LinkOut.model_validate(link_members(link, clicks, base_url, ban_list), context=STORED)
