"""Pages of other sites, names that lead here, and proxies: nothing that comes from elsewhere changes anything."""

import asyncio
import contextlib
import http.client
import re
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from tests.accounts.conftest import EMAIL, OTHER_PASSWORD, PASSWORD
from tests.browsing import chromium
from tests.conftest import changed, client_of, create_link
from tests.dashboard.conftest import contents
from tests.dashboard.test_in_browser import carry, make
from tests.dashboard.test_live import SPACE, person
from tests.dashboard.test_promises import TEMPLATES, text_of
from tests.serving import PATIENCE_S, serving

HERE = {"base_url": "http://127.0.0.1"}
# Names of the tests that lead to this machine.
STRANGER, NEIGHBOUR = "stranger.example", "box.example"


@pytest.fixture
async def misled() -> AsyncIterator:
    """A browser that finds two more names at this machine. Others protect it less than new ones do, which ask their
    user before a page of elsewhere may use a machine of the local network."""
    rules = f"--host-resolver-rules=MAP {STRANGER} 127.0.0.1,MAP {NEIGHBOUR} 127.0.0.1"
    async with chromium(rules, "--disable-features=LocalNetworkAccessChecks") as browser:
        yield browser


FETCH_METADATA = [{"Sec-Fetch-Site": site} for site in ("cross-site", "same-site", "none", "unheard-of", "")]
ORIGINS = [
    {"Origin": origin}
    for origin in (
        "null", "", "https://evil.example", "https://sho.rt.evil.example", "https://sho.rt:8443", "http://sho.rt",
        "http://sho.rt:443", "https://sho.rt@evil.example", "sho.rt", "//sho.rt", "https://www.sho.rt",
    )
]  # fmt: skip


@pytest.mark.parametrize(
    "headers",
    [*FETCH_METADATA, *({"Origin": "https://sho.rt"} | each for each in FETCH_METADATA), *ORIGINS, {}],
    ids=lambda headers: " ".join(headers.values()) or "neither",
)
async def test_no_page_of_another_site_can_change_anything_whatever_its_browser_says(app, database, headers):
    """What browsers of any age say of such requests, for every form that there is."""
    async with client_of(app, headers={"Accept": "text/html"}) as client:
        await create_link(client, code="abc")
        before = await contents(database)
        routes = [route for route in iter_route_contexts(app.routes) if (route.path or "").startswith("/-/")]
        paths = [re.sub(r"{\w+}", "abc", route.path) for route in routes if "POST" in route.methods]
        assert len(paths) > 40
        fields = {"url": "https://example.com/", "code": "abc"}
        answers = [await client.post(path, data=fields, headers=headers) for path in paths]
        assert [answer.request.url.path for answer in answers if answer.status_code != 403] == []
        assert await contents(database) == before


# Forms of pages, with fields; and routes of the API, with bodies that a page may send without being asked.
FORMS = {
    "/-/links": "url=https://example.com/stolen",
    "/-/new": "url=https://example.com/stolen&is_whole=1",
    "/-/links/abc/delete": "",
    "/-/bulk/delete": "code=abc",
    "/-/preferences": "language=de",
    "/-/keys": "name=CI&scope=links:read&days=90",
    "/-/login": f"email={EMAIL}&password={PASSWORD}",
    "/-/logout": "",
    "/-/account/sessions/end": "",
    "/-/account/password": f"current_password={PASSWORD}&new_password={OTHER_PASSWORD}",
    "/-/account/delete": f"email={EMAIL}&password={PASSWORD}",
}
TOP_LEVEL = ("/-/links", "/-/links/abc/delete", "/-/login")
OF_API = {
    "/api/v1/links": '{"url": "https://example.com/stolen"}',
    "/api/v1/links/bulk": '{"links": [{"url": "https://example.com/stolen"}]}',
    "/api/v1/links/gone/restore": "",
    "/api/v1/links/abc/aliases": '{"code": "stolen"}',
}
# Whatever a page can send without leaving. It gives what could be read of the answers.
SEND = """async ([site, bodies]) => {
  const read = [];
  for (const [path, body] of Object.entries(bodies)) {
    const url = site + path, post = { method: "POST", body, credentials: "include" };
    const type = { "Content-Type": "application/x-www-form-urlencoded" };
    for (const options of [
      post, { ...post, headers: type }, { ...post, headers: type, referrerPolicy: "no-referrer" },
      { ...post, mode: "no-cors" }, { ...post, mode: "no-cors", headers: type },
      { ...post, headers: { "Content-Type": "application/json" } }, { method: "DELETE", credentials: "include" },
      { ...post, method: "PATCH" }, { credentials: "include" }, { credentials: "include", mode: "no-cors" },
    ]) try { read.push(await (await fetch(url, options)).text()); } catch { /* refused */ }
    navigator.sendBeacon(url, new Blob([body], { type: type["Content-Type"] }));
    const image = new Image();
    await new Promise((done) => { image.onload = image.onerror = done; image.src = url; });
  }
  return read.filter(Boolean);
}"""
# A form, sent from the page itself, or from a frame that has no origin.
FORM = """([url, body, referrers, sandbox]) => {
  const meta = `<meta name="referrer" content="${referrers}">`;
  const inputs = [...new URLSearchParams(body)].map(([name, value]) => `<input name="${name}" value="${value}">`);
  const form = `<form method="post" action="${url}" target="_top">${inputs.join("")}</form>`;
  if (sandbox) {
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-scripts allow-forms allow-top-navigation");
    frame.srcdoc = `${meta}${form}<script>document.forms[0].submit()</script>`;
    document.body.append(frame);
  } else {
    document.head.innerHTML = meta;
    document.body.innerHTML = form;
    document.forms[0].submit();
  }
}"""


async def answers_to(page, site: str) -> list[tuple[str, str, int]]:
    """Path, method and status of what is answered from now on, even if the page is not given the answer; but for what
    only asks."""
    asked: dict[str, tuple[str, str]] = {}
    answers: list[tuple[str, str, int]] = []

    def ask(event) -> None:
        request = event["request"]
        if request["url"].startswith(site) and request["method"] not in ("GET", "OPTIONS"):
            asked[event["requestId"]] = (request["url"].removeprefix(site), request["method"])

    def answer(event) -> None:
        if event["requestId"] in asked:
            answers.append((*asked[event["requestId"]], event["statusCode"]))

    devtools = await page.context.new_cdp_session(page)
    devtools.on("Network.requestWillBeSent", ask)
    devtools.on("Network.responseReceivedExtraInfo", answer)
    await devtools.send("Network.enable")
    return answers


async def test_no_page_of_another_site_can_change_anything(browser, settings, database, destination):
    """Ada is logged in, and her machine lets anybody make links. Another port of it is of the same site, and gets
    her cookie."""
    with serving(changed(settings, **HERE, registration="open")) as site:
        ada = await asyncio.to_thread(person, site, EMAIL)
        assert ada.post("/-/links", data={"url": "https://example.com/", "code": "abc"}).status_code == 303
        make(site, code="gone")
        assert httpx.delete(f"{site}/api/v1/links/gone", timeout=PATIENCE_S).status_code == 204
        context = await browser.new_context()
        await carry(context, ada)
        page = await context.new_page()
        answers = await answers_to(page, site)
        before, cookies = await contents(database), await _cookies(context)
        for elsewhere in (destination, destination.replace("127.0.0.1", "localhost")):
            await page.goto(elsewhere)
            assert await page.evaluate(SEND, [site, FORMS | OF_API]) == []
            for path in TOP_LEVEL:
                for referrers, sandbox in (("unsafe-url", False), ("no-referrer", False), ("unsafe-url", True)):
                    await page.goto(elsewhere)
                    async with page.expect_navigation() as answer:
                        await page.evaluate(FORM, [site + path, FORMS[path], referrers, sandbox])
                    assert (await answer.value).status == 403, (path, referrers, sandbox)
            assert await contents(database) == before
            assert [answer for answer in answers if answer[-1] < 400] == []
            assert {path for path, *_ in answers} == (FORMS | OF_API).keys()
        assert await _cookies(context) == cookies
        await context.close()


async def _cookies(context) -> dict[str, str]:
    """But for the time zone, which the pages that refuse learn, as others do."""
    return {cookie["name"]: cookie["value"] for cookie in await context.cookies() if cookie["name"] != "zone"}


# Requests of a page to its own name, which leads to this machine.
REBOUND = [
    ("GET", "/-/", None),
    ("GET", "/-/links", None),
    ("GET", "/-/export", None),
    ("GET", "/-/live?channel=workspace:anonymous&follow=false", None),
    ("POST", "/-/links", "url=https://example.com/stolen"),
    ("POST", "/-/links/mine/delete", ""),
    ("GET", "/api/v1/links", None),
    ("POST", "/api/v1/links", '{"url": "https://example.com/stolen"}'),
    ("PATCH", "/api/v1/links/mine", '{"url": "https://example.com/stolen"}'),
    ("DELETE", "/api/v1/links/mine", None),
    ("POST", "/api/v1/links/gone/restore", None),
    ("GET", "/docs", None),
    ("GET", "/openapi.json", None),
]
ASK = """(asked) => Promise.all(asked.map(async ([method, path, body]) => {
  const type = path.startsWith("/api/") ? "application/json" : "application/x-www-form-urlencoded";
  const answer = await fetch(path, { method, body, headers: body === null ? {} : { "Content-Type": type } });
  return [answer.status, await answer.text()];
}))"""
LISTEN = """() => new Promise((done) => {
  const socket = new WebSocket(`ws://${location.host}/api/v1/live`);
  socket.onopen = () => done("open");
  socket.onerror = () => done("refused");
})"""


async def test_a_name_that_points_at_this_machine_gets_nothing(misled, settings, database):
    """A page of another machine whose name leads to this one afterwards is of the same origin for a browser."""
    with serving(changed(settings, **HERE)) as site:
        make(site, code="mine", url="https://example.com/secret")
        make(site, code="gone")
        assert httpx.delete(f"{site}/api/v1/links/gone", timeout=PATIENCE_S).status_code == 204
        before = await contents(database)
        rebound = site.replace("127.0.0.1", STRANGER)
        page = await misled.new_page()
        # The page comes from its own machine; what it asks for then does not.
        await page.route(
            f"{rebound}/", lambda route: route.fulfill(content_type="text/html", body="<title>Mine</title>")
        )
        await page.goto(f"{rebound}/")
        for status, text in await page.evaluate(ASK, REBOUND):
            assert status == 421
            assert "secret" not in text
        assert await page.evaluate(LISTEN) == "refused"
        async with page.expect_navigation() as answer:
            await page.evaluate(FORM, [f"{rebound}/-/links", "url=https://example.com/stolen", "same-origin", False])
        assert (await answer.value).status == 421
        assert await contents(database) == before


class Proxy(ThreadingHTTPServer):
    """Passes on what it is asked for, but for the name by which it was asked, unless `is_honest`."""

    is_honest = False
    upstream = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _PassOn(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        own = {} if self.server.is_honest else {"Host": "app.internal:8000"}
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=PATIENCE_S)
        with contextlib.closing(upstream):
            upstream.request("GET", self.path, headers=dict(self.headers) | own)
            answer = upstream.getresponse()
            body = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def proxy(settings) -> Iterator[Proxy]:
    """It stands before an app on which nobody logs in, and has the address that people know."""
    with Proxy(("127.0.0.1", 0), _PassOn) as proxy, serving(settings, base_url=proxy.url) as upstream:
        proxy.upstream = upstream.removeprefix("http://")
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy
        proxy.shutdown()


async def test_behind_a_proxy_that_hides_the_host_the_page_says_so_and_goes_in_no_circle(browser, proxy):
    page = await browser.new_page()
    for path in ("/", "/-/", "/-/links?q=abc"):
        answer = await page.goto(proxy.url + path)
        assert answer.status == 421
        assert answer.request.redirected_from is None
        assert page.url == proxy.url + path
        assert "a proxy in front of the service does not pass on the Host header" in await page.inner_text("main")
    async with page.expect_navigation() as again:
        await page.click(f"text={proxy.url}")
    assert (await again.value).status == 421
    # As soon as the proxy does so, the way that the page shows leads to the dashboard.
    proxy.is_honest = True
    await page.reload()
    await page.wait_for_selector("#url")


@pytest.mark.parametrize("name", ["127.0.0.1", NEIGHBOUR])
async def test_no_form_of_ours_is_stopped_by_our_own_referrer_policy(misled, settings, name):
    """Without a script. At names of a local network nothing but `Origin` says whose form it is."""
    own_policy = r"<form[^>]*\srel=|referrerpolicy|name=\"referrer\""
    assert [template.name for template in TEMPLATES if re.search(own_policy, text_of(template))] == []
    with serving(changed(settings, **SPACE), base_url=f"http://{name}:{{port}}") as upstream:
        site = upstream.replace("127.0.0.1", name)
        page = await misled.new_page(java_script_enabled=False)
        sent: list = []
        page.on("response", lambda answer: sent.append(answer) if answer.request.method == "POST" else None)
        for path in ("/-/register", "/-/login"):
            await page.goto(site + path)
            await page.fill("#email", EMAIL)
            await page.fill("#password", PASSWORD)
            await page.click("main form .primary")
        await page.fill("#url", "https://example.com/")
        await page.fill("#code", "abc")
        await page.click("text=Shorten")
        await page.goto(f"{site}/-/links/abc/edit")
        await page.fill("#title", "Another")
        await page.click("main form .primary >> nth=0")
        await page.goto(f"{site}/-/links")
        await page.click('[data-row="abc"] summary')
        await page.click('[data-row="abc"] [data-delete]')
        await page.click("text=Undo")
        await page.click(".own [aria-label^=Account]")
        await page.click("text=Log out")
        assert page.url == f"{site}/-/login"
        assert [answer.status for answer in sent] == [200, 303, 303, 303, 303, 303, 303]
        metadata = {"same-origin"} if name == "127.0.0.1" else {None}
        for answer in sent:
            headers = await answer.request.all_headers()
            assert headers["origin"] == site
            assert {headers.get("sec-fetch-site")} == metadata
