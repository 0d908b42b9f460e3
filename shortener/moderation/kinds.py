"""The kinds of bans."""

from enum import StrEnum


class Kind(StrEnum):
    LINK = "link"
    HOST = "host"
    USER = "user"
    CLIENT = "client"
