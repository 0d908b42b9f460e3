"""A server's API instead of this machine's database."""

import contextlib
import ssl
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote

import httpx

from shortener import __version__
from shortener.terminal.operations import Call
from shortener.terminal.problems import ServerProblem

# A bulk request or the figures of a busy link may take this long.
_TIMEOUT_S = 60.0
_CONNECT_TIMEOUT_S = 10.0


class Server(contextlib.AbstractContextManager["Server"]):
    """Answers calls by requests to `/api/v1`."""

    def __init__(self, url: str, api_key: str) -> None:
        headers = {"User-Agent": f"shortener/{__version__}"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self._url = url
        self._client = httpx.Client(
            base_url=f"{url}/api/v1",
            headers=headers,
            timeout=httpx.Timeout(_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S),
            # To read all authorities takes longer than a request.
            verify=ssl.create_default_context() if url.startswith("https:") else False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def answer(self, call: Call) -> Any:
        """Raises ServerProblem."""
        path = call.operation.path.format(**{name: quote(value, safe="") for name, value in call.names.items()})
        try:
            answer = self._client.request(call.operation.method, path, params=call.query, json=call.body)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise ServerProblem(f"{self._url} does not answer ({reason}). Check SHORTENER_SERVER.") from None
        if not answer.is_success:
            raise self._problem(answer)
        if answer.status_code == httpx.codes.NO_CONTENT:
            return None
        return answer.json() if _kind(answer) == "application/json" else answer.content

    def _problem(self, answer: httpx.Response) -> ServerProblem:
        document = answer.json() if _kind(answer) == "application/problem+json" else None
        if not isinstance(document, Mapping):
            return ServerProblem(
                f"{self._url} answers {answer.status_code}, and not as this service does. Check SHORTENER_SERVER."
            )
        detail = str(document.get("detail"))
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            detail += " Check SHORTENER_API_KEY."
        return ServerProblem(detail, str(document.get("type")).rpartition(":")[2])


def _kind(answer: httpx.Response) -> str:
    return str(answer.headers.get("Content-Type", "")).partition(";")[0].strip()
