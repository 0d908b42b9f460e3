"""Routes that are built when they are first used."""

from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import compile_path, get_name


class LateRoute(APIRoute):
    """A route that FastAPI builds when it first handles a request, or when the document is made of it.

    To build a route is to read the signatures of all functions that it depends on, and to make models of their
    parameters: a millisecond or two. All of them together would be a third of a process's start, and most processes
    use few. Until then a route knows what it takes to find it.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self._options = options
        self.path, self.endpoint = path, endpoint
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self.name = options.get("name") or get_name(endpoint)
        self.methods = {method.upper() for method in options.get("methods") or ("GET",)}
        self.dependencies = list(options.get("dependencies") or ())
        self.include_in_schema = options.get("include_in_schema", True)

    def __getattr__(self, name: str) -> Any:
        """An attribute that only a route has that is built."""
        options = self.__dict__.pop("_options", None)
        if options is None:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        super().__init__(self.path, self.endpoint, **options)
        return getattr(self, name)
