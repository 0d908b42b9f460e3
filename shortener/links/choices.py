"""The words of requests for lists of links. Commands read them, too, and import nothing else for them."""

from enum import StrEnum


class State(StrEnum):
    LIVE = "live"
    SCHEDULED = "scheduled"
    EXPIRED = "expired"
    USED_UP = "used_up"
    DISABLED = "disabled"
    ARCHIVED = "archived"
    BANNED = "banned"
    DELETED = "deleted"


class Having(StrEnum):
    PASSWORD = "password"  # noqa: S105  (the name of a member)
    RULES = "rules"
    VARIANTS = "variants"
    LIMIT = "limit"
    NOTE = "note"


class TagMode(StrEnum):
    ANY = "any"
    ALL = "all"


class Sort(StrEnum):
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    CODE = "code"
    TITLE = "title"
    CLICKS = "clicks"
    EXPIRES_AT = "expires_at"
