"""Security headers on every answer, and which pages of other sites may use the API."""

import pytest
from fastapi.routing import iter_route_contexts

from shortener.links.parts import LINKS as LINK_SERVICE
from shortener.redirect.parts import REDIRECT
from shortener.settings import load_settings
from shortener.settings.source import SettingsError
from tests.conftest import changed, client_of, create_link, running_app
from tests.links.test_api import LINKS, assert_problem

APP, OTHER = "https://app.example.com", "https://evil.example"
CODES = {"cross-origin-resource-policy": "cross-origin"}
ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "strict-transport-security": "max-age=31536000",
}


# With `no-referrer` browsers send `Origin: null` with the forms of the dashboard.
PAGES = {"referrer-policy": "same-origin"}


async def every_kind_of_answer(client, app) -> list:
    """Of each route and page, right and wrong."""
    await create_link(client, code="live")
    await create_link(client, code="gone")
    await client.delete(f"{LINKS}/gone")
    paths = {route.path for route in iter_route_contexts(app.routes) if route.path} - {"/static", "/static/vendor"}
    paths = {path.replace("{code}", "live").replace("{key_id}", "x") for path in paths}
    paths |= {
        "/live",
        "/live+",
        "/gone",
        "/nowhere",
        "/static/docs.js",
        "/static/vendor/favicon.png",
        "/api/v1/nothing",
        "/a.b",
    }
    answers = [
        await client.request(method, path, headers={"Accept": accept})
        for path in sorted(paths)
        for method in ("GET", "HEAD", "POST", "OPTIONS")
        for accept in ("*/*", "text/html")
    ]
    return [*answers, await client.post(LINKS, content=b"x" * 100_000)]


async def test_every_answer_that_is_no_redirect_protects_who_opens_it(app, client):
    answers = await every_kind_of_answer(client, app)
    assert {200, 302, 401, 404, 405, 410, 413, 422} <= {answer.status_code for answer in answers}
    for answer in answers:
        request = answer.request
        if answer.status_code == 302:
            continue
        # Pages of others may show a QR code.
        expected = ALWAYS | (CODES if request.url.path.endswith(".qr") and answer.status_code == 200 else {})
        (policy,) = answer.headers.get_list("content-security-policy")
        expected |= PAGES if "trusted-types" in policy else {}
        found = {name: answer.headers.get_list(name) for name in ALWAYS}
        assert found == {name: [value] for name, value in expected.items()}, request
        directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
        assert directives["default-src"] == "'none'", request
        assert directives["frame-ancestors"] == "'none'", request
        assert directives["base-uri"] == "'none'", request
        is_json = answer.headers.get("content-type", "").startswith(("application/json", "application/problem+json"))
        if is_json and not request.url.path.startswith("/-/"):
            assert "script-src" not in directives, request


async def test_no_cache_keeps_an_answer_of_the_api(app, client):
    answers = [
        answer for answer in await every_kind_of_answer(client, app) if answer.request.url.path.startswith("/api/")
    ]
    assert {200, 401, 404, 405, 413, 422} <= {answer.status_code for answer in answers}
    for answer in answers:
        # A browser may keep a picture if it asks each time whether it is the same.
        is_picture = answer.request.url.path.endswith("/qr") and answer.status_code == 200
        kept = "private, no-cache" if is_picture else "private, no-store"
        assert answer.headers.get_list("cache-control") == [kept], answer.request


async def test_a_redirect_says_no_more_than_it_must(client):
    await create_link(client, code="live")
    answer = await client.get("/live")
    limits = {name for name in answer.headers if "ratelimit" in name}
    assert set(answer.headers) - limits == {
        "location",
        "cache-control",
        "content-length",
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "x-robots-tag",
        "strict-transport-security",
    }
    assert answer.headers["referrer-policy"] == "strict-origin-when-cross-origin"


async def test_what_fails_without_having_been_foreseen_is_protected_too(app, client, monkeypatch):
    def fail(*args: object) -> None:
        raise LookupError("a defect")

    await create_link(client, code="live")
    monkeypatch.setattr(app.state.parts[LINK_SERVICE], "list", fail, raising=False)
    monkeypatch.setattr(app.state.parts[REDIRECT]._throttle, "charge", fail)
    answer = await client.get("/live")
    assert_problem(answer, 500, "internal-error")
    assert "defect" not in answer.text
    assert answer.headers["cache-control"] == "private, no-store"
    for name, value in ALWAYS.items():
        assert answer.headers.get_list(name) == [value], name
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("base_url", "hsts", "value"),
    [
        ("https://sho.rt", "host", "max-age=31536000"),
        ("https://sho.rt", "subdomains", "max-age=31536000; includeSubDomains"),
        ("https://sho.rt", "off", None),
        ("http://127.0.0.1:8000", "host", None),
        ("http://sho.rt", "subdomains", None),
    ],
)
async def test_browsers_are_told_to_come_by_tls_where_there_is_some(settings, base_url, hsts, value):
    async with running_app(changed(settings, base_url=base_url, hsts=hsts)) as app, client_of(app) as client:
        await create_link(client, code="live")
        for path in ("/live", "/live+", "/nowhere", LINKS, "/docs"):
            assert (await client.get(path)).headers.get("strict-transport-security") == value


def preflight(origin: str, method: str = "POST", headers: str = "authorization,content-type") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }


def allowed(answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


async def test_no_page_of_another_site_may_use_the_api_unless_a_setting_says_so(client):
    for headers in ({"Origin": OTHER}, {"Origin": "null"}, preflight(OTHER)):
        for method in ("GET", "OPTIONS", "POST"):
            assert allowed(await client.request(method, LINKS, headers=headers)) == {}
    assert_problem(await client.options(LINKS, headers=preflight(OTHER)), 405, "method-not-allowed")


async def test_pages_that_the_settings_name_may_use_the_api_without_cookies_and_others_may_not(settings):
    chosen = changed(settings, cors_origins=f"{APP},https://two.example/")
    async with running_app(chosen) as app, client_of(app) as client:
        for origin in (APP, "https://two.example"):
            answer = await client.options(LINKS, headers=preflight(origin, headers="x-api-key,idempotency-key"))
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == origin
            assert "POST" in answer.headers["access-control-allow-methods"]
            assert "origin" in answer.headers["vary"].lower()
            answer = await client.get(LINKS, headers={"Origin": origin})
            assert answer.headers["access-control-allow-origin"] == origin
            assert "X-RateLimit-Remaining" in answer.headers["access-control-expose-headers"]
            assert "access-control-allow-credentials" not in answer.headers
        for origin in (OTHER, "null", f"{APP}.evil.example", "http://app.example.com", f"{APP}:444", APP.upper()):
            answer = await client.options(LINKS, headers=preflight(origin))
            assert_problem(answer, 403, "origin-refused")
            assert "access-control-allow-origin" not in answer.headers
            answer = await client.get(LINKS, headers={"Origin": origin})
            assert "access-control-allow-origin" not in answer.headers
            # A cache must not give one origin's answer to another.
            assert "origin" in answer.headers["vary"].lower()
        answer = await client.options(LINKS, headers=preflight(APP, headers="x-forwarded-for"))
        assert_problem(answer, 403, "origin-refused")


async def test_errors_too_can_be_read_by_pages_that_may_use_the_api(settings):
    async with running_app(changed(settings, cors_origins=APP, anonymous_links=False)) as app, client_of(app) as client:
        answer = await client.get(LINKS, headers={"Origin": APP})
        assert_problem(answer, 401, "authentication-required")
        assert answer.headers["access-control-allow-origin"] == APP


async def test_where_all_pages_may_none_may_with_cookies(settings):
    async with running_app(changed(settings, cors_origins="*")) as app, client_of(app) as client:
        for headers in ({"Origin": OTHER}, {"Origin": OTHER, "Cookie": "session=1"}):
            answer = await client.get(LINKS, headers=headers)
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in answer.headers


async def test_nothing_but_the_api_is_shared_with_other_origins(settings):
    async with running_app(changed(settings, cors_origins="*")) as app, client_of(app) as client:
        await create_link(client, code="live")
        for path in ("/live", "/live+", "/docs", "/openapi.json", "/health/ready", "/nowhere"):
            assert allowed(await client.get(path, headers={"Origin": APP})) == {}, path


@pytest.mark.parametrize(
    "origins", ["app.example.com", "https://a.example/path", "https://*.example", "null", "https://u@x"]
)
def test_an_origin_that_is_none_is_refused(origins):
    with pytest.raises(SettingsError, match="SHORTENER_CORS_ORIGINS: use a form such as"):
        load_settings(cors_origins=origins)
