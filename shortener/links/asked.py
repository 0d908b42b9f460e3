"""The filter of a list of links as the query of a request."""

import inspect
from typing import Annotated, Any

from fastapi import Query

from shortener.links.filters import LinkFilter


def _parameters() -> list[inspect.Parameter]:
    """One parameter of a query for each member of the filter."""
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.get_default(),
            annotation=Annotated[
                field.annotation,
                *field.metadata,
                Query(description=field.description, examples=field.examples),
            ],
        )
        for name, field in LinkFilter.model_fields.items()
    ]


async def filter_of_query(**values: Any) -> LinkFilter:
    """A dependency of routes that list links."""
    return LinkFilter.model_construct(**values)


filter_of_query.__signature__ = inspect.Signature(_parameters())  # type: ignore[attr-defined]
