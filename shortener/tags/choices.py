"""The words of requests for lists of tags, which commands read, too."""

from enum import StrEnum


class TagOrder(StrEnum):
    NAME = "name"
    LINKS = "links"
    CLICKS = "clicks"
