"""A plain link, as the API gives it."""

import re
from typing import Any

from dirty_equals import IsNow, IsStr

from shortener.links import codes

PLAIN = {
    "starts_at": None,
    "expires_at": None,
    "max_clicks": None,
    "fallback_url": None,
    "redirect_status": 302,
    "forward_query": False,
    "forward_path": False,
    "utm": None,
    "note": None,
    "rules": [],
    "variants": [],
    "preview": None,
    "indexable": False,
    "public_stats": False,
    "archived": False,
    "tags": [],
}


def new_plain_link(link: dict[str, Any], url: str, title: str | None) -> dict[str, Any]:
    """What a link with a generated code has to be, right after it was created."""
    return PLAIN | {
        "id": IsStr(regex="lnk_[0-9a-z]{13}"),
        "code": IsStr(regex=f"[{re.escape(codes.ALPHABET)}]{{7}}"),
        "domain": None,
        "short_url": f"https://sho.rt/{link['code']}",
        "url": url,
        "title": title,
        "created_at": IsNow(iso_string=True, tz="UTC", delta=10),
        "updated_at": link["created_at"],
        "disabled": False,
        "banned": False,
        "flag": None,
        "clicks": 0,
        "workspace": None,
        "has_password": False,
    }
