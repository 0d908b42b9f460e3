"""The composition root: builds the parts, in order, and the app that serves them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from fastapi import APIRouter, FastAPI

from shortener import __version__
from shortener.access.authentication import Authentication
from shortener.access.key_use import KeyUse
from shortener.access.revocation import REVOKED_CHANNEL, Revocations
from shortener.access.tokens import AccessTokens
from shortener.accounts.api import auth_router, entry_router, keys_router, me_router
from shortener.accounts.keys import KeyService
from shortener.accounts.oidc.api import SingleSignOn, oidc_router
from shortener.accounts.passwords import Passwords
from shortener.accounts.service import AccountService
from shortener.accounts.slowdown import Slowdown
from shortener.audit.api import router as audit_router
from shortener.clicks import enrich
from shortener.clicks.event import Batch
from shortener.clicks.recorder import Recorder
from shortener.clicks.stream import ClickStream, Sealer
from shortener.clicks.writer import ClickWriter
from shortener.event_loop.tasks import end
from shortener.figures.api import router as clicks_router
from shortener.http import docs
from shortener.http.access_log import log_request
from shortener.http.body_limit import BodyLimit
from shortener.http.browser import ApiCors, BrowserProtection, protections
from shortener.http.client_address import TrustedProxies
from shortener.http.host_check import HostCheck
from shortener.http.openapi import install_openapi
from shortener.http.problems import install_error_handlers
from shortener.http.request_metrics import RequestMetrics
from shortener.http.request_observer import RequestObserver
from shortener.introspection.api import router as introspection_router
from shortener.limits.api_limits import RateLimitHeaders, RateLimits
from shortener.limits.keys import LimitKeys
from shortener.links.api import router as links_router
from shortener.links.codes import RESERVED
from shortener.links.service import LinkService
from shortener.moderation.administration import router as administration_router
from shortener.moderation.api import admin_router, reports_router
from shortener.moderation.bans import BanService
from shortener.observability.logging import configure_logging
from shortener.processes import health
from shortener.processes.pulse import Pulse
from shortener.redirect.cache import EVICTED_CHANNEL, TargetCache
from shortener.redirect.decision import redirect_limits
from shortener.redirect.memory import MemoryLevel
from shortener.redirect.metrics import AT_ONCE
from shortener.redirect.openapi import redirect_paths
from shortener.redirect.resolver import Resolver
from shortener.redirect.router import RedirectRouter, Redirects
from shortener.redirect.throttle import Throttle
from shortener.screening.ban_list import BANS_CHANNEL, BanList
from shortener.screening.destinations import own_hosts
from shortener.screening.policy import LinkPolicy
from shortener.settings import Settings, get_settings
from shortener.site.api import router as site_router
from shortener.stores.database import Database
from shortener.stores.invalidations import Invalidations
from shortener.stores.redis import RedisGuard, create_redis
from shortener.workspaces.api import invitations_router, workspaces_router
from shortener.workspaces.service import WorkspaceService

MAX_BODY_BYTES = 64 * 1024
# An email address and a password, each byte of which may be written as three.
MAX_LOGIN_BODY_BYTES = 4 * 1024
# A thousand of the longest URLs, and as much again for what JSON writes in more than one byte.
MAX_BULK_BODY_BYTES = 16 * 1024 * 1024


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the parts; close them in reverse: the recorder still needs Redis and the database for its last clicks."""
    settings: Settings = app.state.settings
    # Now, when nobody waits: done when Redis goes away, it would hold up all redirects.
    enrich.prepare()
    database = Database(settings)
    redis = create_redis(settings.redis_url)
    guard = RedisGuard(settings.redis_timeout_ms / 1000)

    ban_list = BanList(database, settings.block_list, lambda codes: resolver.forget(codes))
    memory = MemoryLevel(settings.cache_memory_size)
    cache = TargetCache(redis, guard, settings.cache_ttl_s, settings.cache_missing_ttl_s)
    resolver = Resolver(database, cache, memory, carry=lambda: recorder.carry(), judge=ban_list.judge)
    stream = ClickStream(redis, Sealer(settings.secret_key.get_secret_value()))
    keys = LimitKeys(settings.secret_key.get_secret_value())
    proxies = TrustedProxies(settings.trusted_proxies)
    throttle = Throttle(redirect_limits(settings), keys)
    recorder = Recorder(
        stream,
        guard,
        _direct_writer(database),
        settings.click_buffer_size,
        riders=(throttle, resolver),
        answers_at_once=settings.click_ack == "memory",
        settle=AT_ONCE.settle,
    )

    tokens = AccessTokens(settings.every_secret_key, settings.base_url)
    key_use = KeyUse(database)
    authentication = Authentication(database, tokens, key_use.used)
    revocations = Revocations(redis, authentication.forget)
    passwords = Passwords(settings.password_list)

    app.state.database = database
    app.state.redis = redis
    app.state.proxies = proxies
    app.state.ban_list = ban_list
    app.state.rate_limits = RateLimits(redis, guard, keys, proxies, settings)
    app.state.links = LinkService(
        database,
        redis,
        own_hosts(settings.base_url, settings.port),
        LinkPolicy(ban_list, settings),
        settings.code_length,
        # Each process has at most twice as many connections as its pool keeps.
        bulk_at_once=max(1, settings.database_pool_size // 2),
        forget=resolver.forget,
    )
    app.state.authentication = authentication
    app.state.workspaces = WorkspaceService(app.state.links)
    accounts = AccountService(passwords, tokens, Slowdown(redis, guard, keys), revocations, app.state.workspaces)
    single_sign_on = SingleSignOn(accounts, revocations, settings) if settings.oidc_issuer else None
    app.state.accounts = accounts
    app.state.single_sign_on = single_sign_on
    app.state.keys = KeyService(revocations)
    app.state.revocations = revocations
    app.state.bans = BanService(redis, ban_list, revocations, app.state.links.evict)
    app.state.redirects = Redirects(resolver, recorder, throttle, proxies, settings, RESERVED)

    await ban_list.start()
    following_bans = asyncio.create_task(ban_list.run())
    channels = {
        EVICTED_CHANNEL: resolver.forget,
        REVOKED_CHANNEL: authentication.forget,
        BANS_CHANNEL: ban_list.on_report,
    }
    invalidations = asyncio.create_task(Invalidations(redis, channels, memory, authentication, ban_list).run())
    noting_use = asyncio.create_task(key_use.run())
    pulse = asyncio.create_task(Pulse("web", database).run())
    try:
        yield
    finally:
        await recorder.close()
        await stream.close()
        await end(pulse)
        await end(noting_use)
        await key_use.write()
        passwords.close()
        if single_sign_on is not None:
            await single_sign_on.provider.close()
        await end(invalidations)
        await end(following_bans)
        await redis.aclose()
        await database.close()


def _direct_writer(database: Database) -> Callable[[Sequence[Batch]], Awaitable[None]]:
    """What the recorder calls when Redis stays away."""
    writer = ClickWriter()

    async def write(batches: Sequence[Batch]) -> None:
        async with database.driver_connection() as connection:
            await writer.write(connection, batches)

    return write


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app. Raises SettingsError when a setting that it needs is missing."""
    settings = settings or get_settings()
    settings.require("database_url", "redis_url", "secret_key")
    configure_logging(settings)
    app = FastAPI(
        title="Shortener",
        summary="Short links that count every click.",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        # Its Location would be made of whatever the Host header says.
        redirect_slashes=False,
        openapi_tags=[
            {"name": "links", "description": "Create, find, change and delete links."},
            {"name": "figures", "description": "Who followed a link, when, and from where."},
            {"name": "accounts", "description": "Register, log in and out, and change what is yours."},
            {"name": "keys", "description": "API keys: for programs, in place of a login."},
            {"name": "workspaces", "description": "Whose links are whose; members and invitations."},
            {"name": "abuse", "description": "Report what breaks the rules."},
            {
                "name": "administration",
                "description": "For admins: bans, reports, links and users of everybody, the audit log.",
            },
            {"name": "redirects", "description": "What a browser asks for."},
            {"name": "health", "description": "For load balancers and operators."},
        ],
    )
    app.state.settings = settings
    app.state.protections = protections(settings)
    install_error_handlers(app)

    v1 = APIRouter(prefix="/api/v1")
    for router in (
        entry_router,
        oidc_router,
        auth_router,
        introspection_router,
        me_router,
        keys_router,
        workspaces_router,
        invitations_router,
        links_router,
        clicks_router,
        reports_router,
        admin_router,
        administration_router,
        audit_router,
    ):
        v1.include_router(router)
    app.include_router(v1)
    app.include_router(health.router)
    app.include_router(site_router)
    docs.install_docs(app)
    install_openapi(app, redirect_paths())

    # The last that is added is the first to be asked: a redirect passes nothing but the access log.
    bodies = {"/api/v1/auth/token": MAX_LOGIN_BODY_BYTES, "/api/v1/links/bulk": MAX_BULK_BODY_BYTES}
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES, of_paths=bodies)
    app.add_middleware(RateLimitHeaders)
    if settings.cors_origins:
        app.add_middleware(ApiCors, origins=settings.cors_origins)
    if settings.anonymous_may_manage:
        app.add_middleware(HostCheck, settings=settings)
    app.add_middleware(BrowserProtection, headers=app.state.protections)
    app.add_middleware(RequestObserver, note=RequestMetrics().observe)
    app.add_middleware(RedirectRouter, protections=app.state.protections)
    if settings.access_log:
        app.add_middleware(RequestObserver, note=log_request)
    return app
