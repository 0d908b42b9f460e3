"""The direction of a list."""

from enum import StrEnum


class Order(StrEnum):
    ASC = "asc"
    DESC = "desc"
