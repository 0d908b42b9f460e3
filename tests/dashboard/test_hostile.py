"""What strangers and members write is text, in every place, on every screen, in a real browser."""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from shortener.accounts.commands import create_user
from shortener.clicks.stream import ClickStream, Sealer
from shortener.dashboard.routes import CSP
from shortener.settings import Settings
from shortener.stores.database import Database
from shortener.stores.redis import create_redis
from tests.accounts.conftest import EMAIL, PASSWORD
from tests.conftest import SECRET, changed, own_database
from tests.dashboard.conftest import OWN
from tests.dashboard.screens import OPEN_FOLDS
from tests.dashboard.test_in_browser import watched
from tests.serving import PATIENCE_S, serving
from workers.clicks import Drain

if TYPE_CHECKING:
    from playwright.async_api import Route

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]

# Each would set `pwned`, load something, change the page's structure, or run in a program that opens a file.
HOSTILE = (
    "<script>pwned=1</script>", "</script><script>pwned=1</script>", "<img src=x onerror=pwned=1>",
    "<svg onload=pwned=1>", "<iframe src=//evil.example></iframe>", "<body onload=pwned=1>", '" onmouseover="pwned=1',
    "' onfocus='pwned=1' autofocus='", '"><b>', "'><b>", "</title><b>", "</textarea><b>", "</option></select><b>",
    "</bdi></td></tr></table><b>", "--><b>", "<!--", "<![CDATA[", "]]>", "<plaintext>", "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0;//evil.example>", "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{display:none}</style>", "<form action=//evil.example><button>", "<a href=javascript:pwned=1>x</a>",
    "javascript:pwned=1", "data:text/html,<script>pwned=1</script>", "vbscript:x",
    '" hx-get="//evil.example" hx-trigger="load', "<p hx-on:click=pwned=1>", '" data-copy="evil', "{{7*7}}",
    "{% raw %}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "%(n)s", "%s%d%n", "{0}", "\\u003cscript\\u003e", "&lt;b&gt;",
    "&#60;b&#62;", "&amp;amp;", "\\x3cb\\x3e", '=HYPERLINK("//evil.example")', "@SUM(1)", "+1+1", "-1+1",
    "zero\u200bwidth\u200d",
    "Z\u0351\u036b\u0343a\u0334\u0348l\u0337g\u0330o\u0356", "\u0645\u0631\u062d\u0628\u0627",
    "\u6f22\u5b57", "\U0001f3f3\ufe0f\u200d\U0001f308", "a\u0301", "\ufdfa" * 5, "//evil.example/x",
    "/\\evil.example", "../../etc/passwd", "W" * 60,
)  # fmt: skip
# Characters that turn the direction of a text around, a control character, and bytes that are not a text. Forms refuse
# them; addresses and headers hold whatever a client sends.
TURNING = "\u202eturned\u2066\u202d"
BROKEN = "%E2%80%AEturned%E2%81%A6%ED%A0%80%FF%1B"
# Elements that a page has for its own reasons: what is written may add none.
STRUCTURE = """() => {
    const names = ["script", "iframe", "img", "object", "embed", "form", "input", "button", "style", "link", "meta",
        "base", "svg", "b", "table", "tr", "select", "textarea", "title", "plaintext", "[onerror]", "[onload]",
        "[onmouseover]", "[onfocus]", "[autofocus]", "[hx-get]", "[data-copy]"];
    const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
    const written = [...document.querySelectorAll("body, [title], [aria-label]")].map(
        (one) => one.innerText + one.title + one.ariaLabel).join() + document.title;
    const boxes = [...document.querySelectorAll("header, main, footer")].map((one) => one.getBoundingClientRect());
    const places = boxes.map((box) => `${Math.round(box.x)}+${Math.round(box.width)}`).join();
    const counts = names.map((name) => [name, document.querySelectorAll(name).length]);
    return Object.fromEntries([...counts, ["places", places], ["wide", wide],
        ["turned", /[\\u202a-\\u202e\\u2066-\\u2069]/.test(written)], ["pwned", window.pwned ?? null]]);
}"""
DANGEROUS = (
    "script",
    "iframe",
    "img",
    "object",
    "embed",
    "style",
    "link",
    "meta",
    "base",
    "[onerror]",
    "[onload]",
    "pwned",
)
# Other texts lead to other rows there.
SEARCHES = ("/-/links", "/-/palette", "/-/import")
# Characters that are written together.
MOST = 250


def packed(texts: tuple[str, ...]) -> list[str]:
    """The texts, several together where they are short."""
    found = [""]
    for text in texts:
        if len(found[-1]) + len(text) + 1 > MOST:
            found.append("")
        found[-1] = f"{found[-1]} {text}".strip()
    return found


def like(text: str) -> str:
    """A harmless text of the same length."""
    return "".join("n" if letter.strip() else " " for letter in text)


class Writer:
    """Writes these texts wherever people write, as a member and as a stranger."""

    def __init__(self, site: str, texts: list[str]) -> None:
        self.site = site
        self.texts = texts
        self.workspace = ""
        self.domains: list[str] = []

    def write(self, client: httpx.Client) -> None:
        space = client.post("/-/workspaces", data={"name": self.texts[0][:80]})
        self.workspace = space.headers["location"]
        client.get("/-/switch", params={"workspace": self.workspace.rpartition("/")[2]})
        for n, text in enumerate(self.texts):
            self._write_link(client, f"code{n}", text)
            key = client.post("/-/keys", data={"name": text[:100], "scope": "links:read", "days": "30"})
            assert key.status_code == 200, key.text
            report = {"code": f"code{n}", "reason": "phishing", "comment": text}
            assert client.post("/api/v1/reports", json=report).status_code == 202
        self.write_names(client)
        ban = {"kind": "host", "value": "a.example", "reason": self.texts[1], "sure": "a.example"}
        assert client.post("/-/admin/bans", data=ban).status_code == 303

    def _write_link(self, client: httpx.Client, code: str, text: str) -> None:
        fields = {
            "url": f"https://example.com/?q={text}", "code": code, "title": text, "note": text, "is_whole": "1",
            "tags": "-".join(re.findall(r"[^,/\s]+", text))[:45].strip("-") or "n", "utm_source": text[:100],
            "workspace": self.workspace.rpartition("/")[2], "public_stats": "1",
            "preview_title": text[:100], "preview_description": text,
            "variant_name": text[:100], "variant_url": f"https://example.com/v?q={text}", "variant_weight": "1",
            "rule": "0", "rule_0_name": text[:100], "rule_0_url": f"https://example.com/r?q={text}",
            "rule_0_if": "query", "rule_0_value": f"q={text[:100]}",
        }  # fmt: skip
        made = client.post("/-/new", data=fields)
        assert made.status_code == 303, re.findall(r'class="error"[^>]*>.*?</p>', made.text, re.DOTALL)
        said = client.post(f"/-/links/{code}/comments", data={"text": text})
        assert said.status_code == 303, said.text
        # As a stranger's browser follows it: once to the variant, once by the rule.
        sent = f"{text} {TURNING}".encode()
        for query in ({}, {"q": text[:100].strip()}):
            headers = {"Referer": b"https://a.example/" + sent, "User-Agent": sent, "Accept-Language": sent}
            assert client.get(f"/{code}", params=query, headers=headers).status_code == 302

    def write_names(self, client: httpx.Client) -> None:
        """Hosts that look like others, and the longest host and URL."""
        for host in ("xn--80ak6aa92e.com", ".".join(["w" * 60] * 3) + ".example"):
            made = client.post("/-/domains", data={"host": host})
            assert made.status_code == 303, made.text
            self.domains.append(made.headers["location"])
        url = "https://xn--80ak6aa92e.com/"
        made = client.post("/-/new", data={"url": url + "W" * (8192 - len(url)), "code": "longest", "is_whole": "1"})
        assert made.status_code == 303, made.text

    def refused(self, client: httpx.Client) -> dict[str, str]:
        """The answers to forms that are refused, which show again what was typed."""
        text = " ".join([*self.texts, TURNING])
        names = ("url", "title", "note", "tags", "utm_source", "preview_title", "fallback_url")
        new = {"code": text, "is_whole": "1", "variant_name": text, "variant_url": text, "variant_weight": text}
        rule = {"rule": "0", "rule_0_name": text, "rule_0_url": text, "rule_0_if": "country", "rule_0_value": text}
        forms = {
            "/-/new": dict.fromkeys(names, text) | new | rule,
            "/-/links": {"url": text, "code": text, "title": text, "tags": text},
            "/-/import": {"text": "\n".join(self.texts)},
            "/-/report": {"link": "code0", "reason": "phishing", "comment": text},
            "/-/domains": {"host": text},
            "/-/keys": {"name": text, "scope": "links:read", "days": text},
            "/-/workspaces": {"name": text},
            f"{self.workspace}/invitations": {"email": text, "role": "editor"},
        }
        answers = {path: client.post(path, data=data) for path, data in forms.items()}
        assert {answer.status_code for answer in answers.values()} <= {200, 422}
        return {f"{path}?refused": answer.text for path, answer in answers.items()}

    def screens(self) -> Iterator[str]:
        yield from ("/-/", "/-/links", "/-/tags", "/-/keys", "/-/workspaces", self.workspace, "/-/notifications")
        yield from ("/-/admin/reports", "/-/admin/bans", "/-/admin/links", "/-/admin/users", "/-/admin/audit")
        yield from ("/-/links/longest", "/-/links/longest/edit", "/-/domains", *self.domains)
        yield from (
            f"/-/links?q={BROKEN}",
            f"/-/palette?q={BROKEN}",
            f"/-/new?url={BROKEN}&code={BROKEN}&title={BROKEN}",
        )
        for n, text in enumerate(self.texts):
            link = f"/-/links/code{n}"
            yield from (link, f"{link}/edit", f"{link}/comments", f"{link}/clicks", f"{link}/values/referrers")
            yield from (f"/code{n}+", f"/code{n}/stats")
            query = str(httpx.QueryParams(q=text[:200]))
            yield from (f"/-/links?{query}", f"/-/palette?{query}", f"/-/new?{httpx.QueryParams(url=text)}")


async def structures(browser, servers, settings: Settings, texts: list[str]) -> dict[str, Any]:
    """The structure of each screen, of a service in which people have written these texts."""
    options = {"base_url": "http://127.0.0.1", "registration": "open", "anonymous_links": False}
    found: dict[str, Any] = {}
    async with own_database(servers) as database_url:
        settings = changed(settings, database_url=database_url, **options)
        await create_user(settings, EMAIL, PASSWORD, is_admin=True)
        with serving(settings) as site, httpx.Client(base_url=site, headers=OWN, timeout=PATIENCE_S) as client:
            client.post("/-/login", data={"email": EMAIL, "password": PASSWORD})
            writer = Writer(site, texts)
            writer.write(client)
            await count_clicks(settings)
            cookies = [{"name": name, "value": value, "url": site} for name, value in client.cookies.items()]
            async with watched(browser, locale="en") as page:
                await page.context.add_cookies(cookies)
                page.on("dialog", lambda dialog: pytest.fail(dialog.message))
                refused = writer.refused(client)
                for path, text in refused.items():
                    # A browser complains of the status of such an answer.
                    await page.route(f"{site}{path}", answer_with(text))
                for n, path in enumerate([*writer.screens(), *refused]):
                    await page.goto(site + path)
                    await page.evaluate(OPEN_FOLDS)
                    found[f"{n} {path.partition('?')[0]}"] = await page.evaluate(STRUCTURE)
    return found


def answer_with(text: str) -> "Callable[[Route], Awaitable[None]]":
    async def answer(route: "Route") -> None:
        await route.fulfill(
            body=text, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": CSP}
        )

    return answer


async def count_clicks(settings: Settings) -> None:
    database, redis = Database(settings), create_redis(settings.redis_url)
    assert await Drain(ClickStream(redis, Sealer(SECRET)), database, "test").run_until_empty()
    # The next service has other links of the same codes.
    await redis.flushall()
    await redis.aclose()
    await database.close()


async def test_nothing_hostile_runs_or_breaks_out(browser, servers, settings):
    """The pages have the same elements as with harmless texts."""
    texts = packed(HOSTILE)
    hostile = await structures(browser, servers, settings, texts)
    harmless = await structures(browser, servers, settings, [like(text) for text in texts])
    for (name, found), (_, expected) in zip(hostile.items(), harmless.items(), strict=True):
        names = set(DANGEROUS if name.endswith(SEARCHES) else found)
        differing = {each: (found[each], expected[each]) for each in names if found[each] != expected[each]}
        assert differing == {}, name
        assert not found["wide"], name
        assert not found["turned"], name
    assert len(hostile) > 50
