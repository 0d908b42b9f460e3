"""Errors of a server, as commands tell them."""

from shortener.errors import OperatorError


class ServerProblem(OperatorError):
    """The server refuses, or does not answer. `type` is that of the problem document, for programs."""

    def __init__(self, detail: str, type_: str = "") -> None:
        super().__init__(detail)
        self.type = type_
