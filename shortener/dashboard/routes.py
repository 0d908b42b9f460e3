"""Routes of pages: they check the reader and the request, and answer with a page in any case."""

from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any, ClassVar

from fastapi import Request, Response

from shortener.access.cookies import read_cookie
from shortener.access.credentials import AuthenticationRequired, InvalidCredential
from shortener.access.parts import AUTHENTICATION
from shortener.access.principals import PRINCIPAL_KEY, Principal
from shortener.access.routes import charge_bytes
from shortener.access.scopes import Scope
from shortener.dashboard import origin
from shortener.dashboard.page import SAFE_METHODS, Page, speak_to
from shortener.dashboard.parts import DASHBOARD
from shortener.dashboard.refusals import CrossSiteRequest, refusal
from shortener.errors import NotFound, ServiceUnavailable
from shortener.event_loop.bounded_threads import BoundedThreads
from shortener.http.late_route import LateRoute
from shortener.http.parts import PROXIES
from shortener.limits.api_limits import ApiRateLimiter
from shortener.limits.identity import identify
from shortener.limits.parts import RATE_LIMITS
from shortener.parts import parts_of
from shortener.screening.parts import BAN_LIST
from shortener.settings import Settings

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types htmx"
)
_HEADERS = {
    "Content-Security-Policy": CSP,
    "Cache-Control": "private, no-store",
    # With `no-referrer` browsers send `Origin: null` with forms.
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
    "Vary": "Cookie, Accept-Language, Accept-Encoding, HX-Request",
}


class Who(StrEnum):
    """Whom a page is for."""

    ANYBODY = "anybody"
    # Whoever may create links, with a login or without one.
    CREATOR = "creator"
    # Whoever may see links.
    READER = "reader"
    PERSON = "person"
    ADMIN = "admin"


class PageRoute(LateRoute):
    """A page for readers. It decides before the form is read."""

    who: ClassVar[Who] = Who.READER
    limiter: ClassVar[ApiRateLimiter] = ApiRateLimiter("api")
    is_charged_by_bytes: ClassVar[bool] = False

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            request.scope[PRINCIPAL_KEY] = None
            speak_to(request)
            try:
                await self._admit(request)
                answer = await handle(request)
                if isinstance(answer, Page):
                    await answer.make_beside(parts_of(request)[DASHBOARD].threads)
            except Exception as error:
                answer = await refusal(request, error)
                if isinstance(answer, Page):
                    await _make_in_any_case(answer, parts_of(request)[DASHBOARD].threads)
            for name, value in _HEADERS.items():
                answer.headers.setdefault(name, value)
            return answer

        return guarded

    async def _admit(self, request: Request) -> None:
        """Raises ClientBanned, CrossSiteRequest, TooManyRequests, TooManyBytes, AuthenticationRequired, NotFound."""
        parts = parts_of(request)
        parts[BAN_LIST].check_client(parts[PROXIES].client_of(request.scope))
        if request.method not in SAFE_METHODS and not origin.is_own(request.headers, parts.settings.base_url):
            raise CrossSiteRequest
        request.scope[PRINCIPAL_KEY] = principal = await _principal(request)
        if principal is not None:
            identify(request.scope, principal.identity)
        await self.limiter(request)
        if principal is None and not _admits_strangers(self.who, parts.settings):
            raise AuthenticationRequired
        if self.who is Who.ADMIN and (principal is None or Scope.ADMIN not in principal.scopes):
            raise NotFound("No page has this address.")
        if self.is_charged_by_bytes:
            await charge_bytes(request)


class OpenRoute(PageRoute):
    who = Who.ANYBODY


class DoorRoute(OpenRoute):
    """Where a password is checked: its requests count as logins do."""

    limiter = ApiRateLimiter("login")


class BytesRoute(PageRoute):
    """A form that may be large: its bytes are limited, too."""

    is_charged_by_bytes = True


class CreatorRoute(PageRoute):
    who = Who.CREATOR


class PersonRoute(PageRoute):
    who = Who.PERSON


class AdminRoute(PageRoute):
    who = Who.ADMIN


def _admits_strangers(who: Who, settings: Settings) -> bool:
    openings = {Who.ANYBODY: True, Who.CREATOR: settings.anonymous_links, Who.READER: settings.anonymous_may_manage}
    return openings.get(who, False)


async def _principal(request: Request) -> Principal | None:
    """Raises TooManyRequests. A reader with an expired cookie is not logged in."""
    parts = parts_of(request)
    secret = read_cookie(request, parts[DASHBOARD].is_secure)
    if secret is None:
        return None
    try:
        return await parts[AUTHENTICATION].authenticate_browser(secret, parts[RATE_LIMITS].client_of(request.scope))
    except InvalidCredential:
        return None


async def _make_in_any_case(page: Page, threads: BoundedThreads) -> None:
    try:
        await page.make_beside(threads)
    except ServiceUnavailable:
        page.make()
