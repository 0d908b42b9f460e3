"""The web app as four lists: settings that it needs, parts that it opens, routers, and middleware."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from fastapi import APIRouter, FastAPI
from fastapi.middleware import Middleware

from shortener import __version__
from shortener.access.parts import open_authentication, open_revocations
from shortener.accounts import api as accounts
from shortener.accounts.oidc.api import oidc_router
from shortener.accounts.oidc.parts import open_single_sign_on
from shortener.accounts.parts import open_accounts, open_keys, open_passwords
from shortener.audit.api import router as audit_router
from shortener.clicks.parts import open_click_stream, open_direct_writer
from shortener.comments.api import router as comments_router
from shortener.comments.parts import open_comments
from shortener.dashboard import account as account_pages
from shortener.dashboard import clicks as clicks_pages
from shortener.dashboard import comments as comment_pages
from shortener.dashboard import domains as domains_pages
from shortener.dashboard import (
    doors,
    edit,
    exporting,
    figures,
    importing,
    joining,
    palette,
    public,
    public_stats,
    report,
    settings_pages,
    start,
    values,
)
from shortener.dashboard import keys as keys_pages
from shortener.dashboard import links as links_pages
from shortener.dashboard import live as live_pages
from shortener.dashboard import notifications as notification_pages
from shortener.dashboard import qr as qr_pages
from shortener.dashboard import tags as tags_pages
from shortener.dashboard import workspaces as workspace_pages
from shortener.dashboard.admin import audit as audit_pages
from shortener.dashboard.admin import bans as ban_pages
from shortener.dashboard.admin import links as all_links_pages
from shortener.dashboard.admin import reports as report_pages
from shortener.dashboard.admin import system as system_pages
from shortener.dashboard.admin import users as user_pages
from shortener.dashboard.parts import open_dashboard
from shortener.domains import api as domains
from shortener.domains.middleware import ApiHosts
from shortener.domains.parts import open_domains
from shortener.figures.api import router as figures_router
from shortener.figures.clicks import clicks_router
from shortener.figures.groups_api import tag_router as tag_stats_router
from shortener.figures.groups_api import workspace_router as workspace_stats_router
from shortener.figures.public import public_router as public_figures_router
from shortener.http import docs
from shortener.http.access_log import log_request
from shortener.http.body_limit import BodyLimit
from shortener.http.browser import ApiCors, BrowserProtection, protections
from shortener.http.error_handlers import install_error_handlers
from shortener.http.host_check import HostCheck
from shortener.http.openapi import install_openapi
from shortener.http.origins import OriginCheck
from shortener.http.parts import PROTECTIONS, STOPPING, open_proxies
from shortener.http.request_metrics import observe_request
from shortener.http.request_observer import RequestObserver
from shortener.introspection.api import router as introspection_router
from shortener.limits.api_limits import RateLimitHeaders
from shortener.limits.parts import open_limits
from shortener.links import api as links
from shortener.links import many_api as many_links
from shortener.links.parts import open_directory, open_links
from shortener.live.api import router as live_router
from shortener.live.parts import open_live
from shortener.misses.api import router as misses_router
from shortener.misses.parts import open_miss_stream, open_misses
from shortener.misses.paths import missed_paths
from shortener.moderation.administration import router as administration_router
from shortener.moderation.api import admin_router, reports_router
from shortener.moderation.parts import open_bans
from shortener.notifications.api import router as notifications_router
from shortener.observability.logging import configure_logging
from shortener.operations.api import router as dead_letters_router
from shortener.parts import Parts, opened
from shortener.places.parts import open_locator
from shortener.processes import health
from shortener.processes.parts import open_web_pulse
from shortener.qr import api as qr
from shortener.qr.logos import MAX_LOGO_BYTES
from shortener.qr.parts import open_pictures
from shortener.redirect.middleware import RedirectRouter
from shortener.redirect.parts import open_hosts, open_quotas, open_redirect
from shortener.screening.parts import open_ban_list
from shortener.settings import Settings, get_settings
from shortener.site.api import router as site_router
from shortener.stores.parts import open_database, open_fixed_settings, open_invalidations, open_redis
from shortener.tags.api import router as tags_router
from shortener.workspaces.api import invitations_router, workspaces_router
from shortener.workspaces.parts import open_workspaces

TITLE = "Shortener"
SETTINGS = ("database_url", "redis_url", "secret_key")

# Opened in this order, so that each can use the earlier ones, and closed in reverse: the recorder stores its last
# clicks while Redis and the database are open.
PARTS = (
    open_database,
    open_fixed_settings,
    open_redis,
    open_proxies,
    open_limits,
    open_ban_list,
    open_hosts,
    open_directory,
    open_revocations,
    open_authentication,
    open_locator,
    open_passwords,
    open_links,
    open_comments,
    open_workspaces,
    open_domains,
    open_pictures,
    open_accounts,
    open_keys,
    open_single_sign_on,
    open_bans,
    open_click_stream,
    open_direct_writer,
    open_miss_stream,
    open_misses,
    open_quotas,
    open_redirect,
    open_live,
    open_invalidations,
    open_dashboard,
    open_web_pulse,
)

# The OpenAPI document describes their tags in this order.
API_ROUTERS = (
    # Before the routes of single links, which take any name for a code.
    many_links.router,
    links.router,
    comments_router,
    qr.router,
    tags_router,
    figures_router,
    clicks_router,
    workspace_stats_router,
    tag_stats_router,
    accounts.login_router,
    oidc_router,
    accounts.session_router,
    introspection_router,
    accounts.me_router,
    notifications_router,
    live_router,
    accounts.keys_router,
    workspaces_router,
    qr.logos_router,
    invitations_router,
    domains.allowed_router,
    domains.router,
    domains.stats_router,
    reports_router,
    admin_router,
    administration_router,
    domains.admin_router,
    misses_router,
    audit_router,
    dead_letters_router,
)
ROUTERS = (health.router, site_router, qr.public_router, public_figures_router)
# Of the dashboard; the last one answers whatever no other does.
PAGES = (
    start.router,
    edit.router,
    comment_pages.router,
    links_pages.router,
    links_pages.bulk_router,
    importing.router,
    importing.lists_router,
    exporting.router,
    tags_pages.router,
    domains_pages.router,
    qr_pages.router,
    clicks_pages.router,
    palette.router,
    report.router,
    report.send_router,
    values.router,
    values.tag_router,
    values.domain_router,
    figures.router,
    figures.tag_router,
    figures.domain_router,
    account_pages.router,
    keys_pages.router,
    notification_pages.router,
    live_pages.router,
    workspace_pages.router,
    report_pages.router,
    ban_pages.router,
    all_links_pages.router,
    user_pages.router,
    audit_pages.router,
    system_pages.router,
    settings_pages.router,
    settings_pages.codes_router,
    settings_pages.switch_router,
    doors.router,
    doors.password_router,
    doors.exit_router,
    joining.router,
    joining.password_router,
    joining.person_router,
    public_stats.router,
    public.files_router,
    public.nowhere_router,
)
HOME = (public.home_router,)

LARGEST_BODIES = {
    "/api/v1/auth/token": accounts.MAX_LOGIN_BODY_BYTES,
    "/api/v1/links/bulk": many_links.MAX_BULK_BODY_BYTES,
    "/api/v1/workspaces/{workspace_id}/logo": MAX_LOGO_BYTES,
    "/-/import": importing.MAX_IMPORT_BYTES,
    "/-/import/make": importing.MAX_IMPORT_BYTES,
}


def middleware(parts: Parts) -> Iterator[Middleware]:
    """The first is asked first: a redirect passes nothing but the access log."""
    settings = parts.settings
    if settings.access_log:
        yield Middleware(RequestObserver, note=log_request)
    yield Middleware(RedirectRouter, parts=parts)
    yield Middleware(RequestObserver, note=observe_request)
    yield Middleware(RequestObserver, note=missed_paths(parts))
    yield Middleware(BrowserProtection, headers=parts[PROTECTIONS])
    yield Middleware(ApiHosts, parts=parts)
    if settings.anonymous_may_manage:
        yield Middleware(HostCheck, settings=settings)
        yield Middleware(OriginCheck, settings=settings)
    if settings.cors_origins:
        yield Middleware(ApiCors, origins=settings.cors_origins)
    yield Middleware(RateLimitHeaders)
    yield Middleware(BodyLimit, of_paths=LARGEST_BODIES)


def routers(settings: Settings) -> Iterator[APIRouter]:
    yield from API_ROUTERS
    yield from ROUTERS
    if settings.dashboard:
        yield from PAGES
    if public.has_home(settings):
        yield from HOME


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with opened(app.state.parts, PARTS):
        yield


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app. Raises SettingsError when a setting that it needs is missing."""
    settings = settings or get_settings()
    settings.require(*SETTINGS)
    configure_logging(settings)
    parts = Parts(settings)
    parts[PROTECTIONS] = protections(settings)
    parts[STOPPING] = asyncio.Event()
    app = FastAPI(
        title=TITLE,
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        # `include_router` would build each route once more, a quarter of a second in all, at the first request.
        routes=[route for router in routers(settings) for route in router.routes],
        # Its Location would be made of whatever the Host header says.
        redirect_slashes=False,
        middleware=list(middleware(parts)),
    )
    app.state.parts = parts
    install_error_handlers(app)
    docs.install_docs(app)
    install_openapi(app)
    return app
