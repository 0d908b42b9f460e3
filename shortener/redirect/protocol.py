"""The redirect of a link in memory, answered inside uvicorn's HTTP protocol: no task, no ASGI messages.

Everything else, and every other server, takes the ASGI route; both decide by the same code (`Redirects`) and give the
same bytes. What is used of uvicorn is not its public interface: `tests/redirect/test_protocol.py` fails if it changes.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from shortener.redirect.answers import Answer
from shortener.redirect.router import Redirects


class RedirectProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a short way for redirects."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        redirects: Redirects | None = getattr(self.config.loaded_app.state, "redirects", None)
        # A client that does not read its answers waits on the ordinary way, which knows how to.
        if redirects is not None and app is self.app and not cycle.flow.write_paused:
            request = redirects.read(cycle.scope)  # type: ignore[arg-type]
            if request is not None and redirects.answer_at_once(request, lambda answer: _send(cycle, answer)):
                return
        super()._start_asgi_task(cycle, app)


def _send(cycle: RequestResponseCycle, answer: Answer) -> None:
    """Write an answer without a body, as `RequestResponseCycle.send` writes it."""
    if cycle.disconnected:
        return
    parts = [STATUS_LINE[answer.status]]
    for name, value in (*cycle.default_headers, *answer.headers):
        parts += (name, b": ", value, b"\r\n")
    if not cycle.keep_alive:
        parts.append(b"connection: close\r\n")
    parts.append(b"\r\n")
    cycle.transport.write(b"".join(parts))
    cycle.response_started = cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
