"""A column of JSON objects that are decoded when somebody looks into them: to decode a page of long ones at once would
hold up everything else on the event loop."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Dialect, Text, cast, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator


class StoredJson(Mapping[str, Any]):
    """An object as the database has it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._members: dict[str, Any] | None = None

    def _decoded(self) -> dict[str, Any]:
        if self._members is None:
            self._members = orjson.loads(self._text)
        return self._members

    def __getitem__(self, name: str) -> Any:
        return self._decoded()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decoded())

    def __len__(self) -> int:
        return len(self._decoded())


class StoredJsonColumn(TypeDecorator[Mapping[str, Any]]):
    """Takes any mapping, and gives a StoredJson."""

    impl = JSONB(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Mapping[str, Any] | None, dialect: Dialect) -> dict[str, Any] | None:  # noqa: ARG002
        return None if value is None else dict(value)

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        # As text: the driver decodes JSON as it arrives.
        return type_coerce(cast(column, Text), self)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], StoredJson | None]:  # noqa: ARG002
        return lambda text: None if text is None else StoredJson(text)
