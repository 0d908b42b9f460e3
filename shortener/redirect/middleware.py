"""The route on which any ASGI server answers requests for codes."""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from shortener.errors import MethodNotAllowed
from shortener.event_loop.turns import Turns
from shortener.http.browser import protected
from shortener.http.parts import PROTECTIONS
from shortener.http.problems import problem_of
from shortener.limits.policies import split_head
from shortener.parts import Parts
from shortener.redirect.answers import Answer
from shortener.redirect.parts import REDIRECT
from shortener.redirect.request import RedirectRequest
from shortener.redirect.router import Redirects

_ALLOW = {"Allow": "GET, HEAD"}


class RedirectRouter:
    """Takes the requests for codes, and passes on all others, which take turns."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app = app
        self._parts = parts
        self._turns = Turns(lambda: parts[REDIRECT].is_answering)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            # Parts are opened by it.
            await self._app(scope, receive, send)
            return
        redirects = self._parts[REDIRECT] if scope["type"] == "http" else None
        request = None if redirects is None else redirects.read(scope)
        if redirects is not None and request is not None and (not request.rest or await redirects.takes_path(request)):
            await _send(await _answer_to(request, redirects), send)
        elif redirects is not None and await _unlock(redirects, scope, receive, send):
            return
        elif redirects is not None and redirects.forbids(scope):
            refusal = problem_of(MethodNotAllowed("A short link is only followed: GET, HEAD.", headers=_ALLOW))
            refusal.raw_headers = protected(refusal.raw_headers, self._parts[PROTECTIONS])
            await refusal(scope, receive, send)
        else:
            await self._turns.run(_answered(self._app, scope, receive, send))


async def _answered(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


async def _unlock(redirects: Redirects, scope: Scope, receive: Receive, send: Send) -> bool:
    """Whether the request brought a link's password, and was answered."""
    request = redirects.read_form(scope)
    answer = None if request is None else await redirects.unlock(request, receive)
    if answer is not None:
        await _send(answer, send)
    return answer is not None


async def _send(answer: Answer, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": split_head(answer.head)})
    await send({"type": "http.response.body", "body": answer.body})


async def _answer_to(request: RedirectRequest, redirects: Redirects) -> Answer:
    answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    redirects.respond(request, lambda answer: None if answered.done() else answered.set_result(answer))
    return await answered
