"""Keeps the API and the pages from hosts that only redirect."""

import re

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shortener.http import page
from shortener.http.error_handlers import nothing_here
from shortener.http.problems import problem
from shortener.parts import Parts
from shortener.redirect.hosts import OWN, host_of, plain_name
from shortener.redirect.parts import HOSTS

# What monitors and crawlers request on any host, and what is public of a link.
_FOR_ANY_HOST = re.compile(
    r"/health/(live|ready)|/robots\.txt|/favicon\.ico|/[A-Za-z0-9_-]{3,64}(\.qr|/stats|/badge\.svg)"
)
_NO_STORE = {"Cache-Control": "private, no-store"}


class ApiHosts:
    """Behind the redirect. On hosts that only redirect, a domain leads its visitors on, and everything else is 404."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app = app
        self._parts = parts
        self._api_hosts = frozenset(parts.settings.api_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._only_redirects(scope) and not _FOR_ANY_HOST.fullmatch(scope["path"]):
            await self._answer(scope)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _only_redirects(self, scope: Scope) -> bool:
        sent = host_of(scope)
        if self._api_hosts:
            return plain_name(sent) not in self._api_hosts
        return self._parts[HOSTS].prefix_of(sent) != OWN

    def _answer(self, scope: Scope) -> Response:
        site = self._parts[HOSTS].sites.get(plain_name(host_of(scope)))
        if site is not None and not site.is_gone:
            url = site.root_url if scope["path"] == "/" else site.not_found_url
            if url is not None:
                return RedirectResponse(url, 302, _NO_STORE)
        accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
        if page.is_for_people(accept):
            return nothing_here()
        return problem(404, "not-found", "Not Found", "Nothing has this address.")
