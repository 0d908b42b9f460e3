"""Kinds of notifications."""

from enum import StrEnum


class NotificationKind(StrEnum):
    FIRST_CLICK = "first_click"
    CLICKS = "clicks"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    USED_UP = "used_up"
    REPORTED = "reported"
    BANNED = "banned"
    MENTIONED = "mentioned"
    INVITED = "invited"
