"""The ways through uvicorn's protocol give what the ASGI route gives, byte for byte."""

import asyncio
import contextlib
import inspect
import re
from collections.abc import AsyncIterator

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shortener.http.protocol import BoundedProtocol
from shortener.main import create_app
from shortener.redirect.parts import REDIRECT
from shortener.redirect.protocol import RedirectProtocol
from tests.conftest import changed, client_of, create_link, eventually

CHROME = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36"
HOST = b"Host: sho.rt"
IPHONE = b"User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile Safari/604.1"
# Of the link /options.
RULES = [
    {"name": "phones", "if": [{"type": "device", "values": ["ios"]}], "url": "https://apps.example/"},
    {"name": "german", "if": [{"type": "language", "values": ["de"]}], "url": "https://de.example/"},
    {"name": "office", "if": [{"type": "network", "values": ["192.0.2.*"]}], "url": "https://office.example/"},
]


def request(path: bytes, *headers: bytes, method: bytes = b"GET", version: bytes = b"1.1", body: bytes = b"") -> bytes:
    return b"\r\n".join((method + b" " + path + b" HTTP/" + version, HOST, *headers, b"", b"")) + body


CONVERSATIONS = {
    "a hit": request(b"/live", CHROME),
    "a hit with everything a browser sends": request(
        b"/live",
        CHROME,
        b"Referer: https://news.example.org/?q=1#x",
        b"Accept: text/html,application/xhtml+xml",
        b"Accept-Encoding: gzip, br",
        b"Cookie: a=b; c=d",
    ),
    "a query": request(b"/live?utm_source=x&a=%20", CHROME),
    "an encoded code": request(b"/%6Cive", CHROME),
    "HEAD": request(b"/live", CHROME, method=b"HEAD"),
    "POST": request(b"/live", CHROME, b"Content-Length: 2", method=b"POST", body=b"{}"),
    "a body": request(b"/live", CHROME, b"Content-Length: 5", body=b"hello"),
    "a miss": request(b"/nowhere", CHROME),
    "a miss for a person": request(b"/nowhere", CHROME, b"Accept: text/html"),
    "a disabled link": request(b"/disabled", CHROME),
    "a deleted link": request(b"/deleted", CHROME, b"Accept: text/html"),
    "a banned link": request(b"/banned", CHROME, b"Accept: text/html") + request(b"/banned", CHROME),
    "a link that warns": request(b"/warned", CHROME, b"Accept: text/html") + request(b"/warned?agreed=x", CHROME),
    "an expired link": request(b"/expired", CHROME) + request(b"/expired", CHROME, b"Accept: text/html"),
    "HEAD of what does not exist": request(b"/nowhere", CHROME, b"Accept: text/html", method=b"HEAD"),
    "HEAD of a banned link": request(b"/banned", CHROME, method=b"HEAD"),
    "a picture": request(b"/live", CHROME, b"Sec-Fetch-Dest: image"),
    "a picture that does not exist": request(b"/nowhere", CHROME, b"Sec-Fetch-Dest: image"),
    "raw letters": request("/live?q=测试".encode(), CHROME),
    "raw letters in a path": request("/测试".encode(), CHROME, b"Accept: text/html"),
    "a path behind the code": request(b"/live/x", CHROME) + request(b"/options/x/%C3%A4?a=1", CHROME),
    "a rule": request(b"/options", IPHONE) + request(b"/options?b=2", CHROME, b"Accept-Language: de"),
    "a rule for one of several lines": request(b"/options", CHROME, b"Accept-Language: fr", b"Accept-Language: de"),
    "a rule for a proxy's client": request(b"/options", CHROME, b"X-Forwarded-For: 192.0.2.9"),
    "an alias": request(b"/alias", CHROME) + request(b"/alias+", CHROME),
    "a permanent redirect": request(b"/permanent", CHROME),
    "a preview for chats": request(b"/carded", b"User-Agent: facebookexternalhit/1.1"),
    "a limit": request(b"/limited", CHROME) * 3 + request(b"/limited", b"User-Agent: curl/8"),
    "a link that is used up": request(b"/used", CHROME) + request(b"/used", CHROME, b"Accept: text/html"),
    "a link that begins later": request(b"/later", CHROME) + request(b"/later", CHROME, b"Accept: text/html"),
    "a locked link": request(b"/locked", CHROME) + request(b"/locked", CHROME, b"Accept: text/html", b"Cookie: a=b"),
    "a locked link's path": request(b"/locked+", CHROME) + request(b"/locked", CHROME, method=b"HEAD"),
    "a full stop behind the link": request(b"/live.", CHROME),
    "Markdown around the link": request(b"/live_", CHROME) + request(b"/nowhere__", CHROME),
    "a preview": request(b"/live+", CHROME),
    "a prefetch": request(b"/live", CHROME, b"Sec-Purpose: prefetch"),
    "no user agent": request(b"/live"),
    "a user agent that is not UTF-8": request(b"/live", b"User-Agent: \xff\xfe\xc3\x28"),
    "a very long user agent": request(b"/live", b"User-Agent: " + b"x" * 5000),
    "two user agents": request(b"/live", CHROME, b"User-Agent: second"),
    "a forwarded client": request(b"/live", CHROME, b"X-Forwarded-For: 198.51.100.1, 192.0.2.9"),
    "a forwarded client that is nonsense": request(b"/live", CHROME, b"X-Forwarded-For: ,,unknown, [::1"),
    "connection: close": request(b"/live", CHROME, b"Connection: close"),
    "HTTP/1.0": request(b"/live", CHROME, version=b"1.0"),
    "HTTP/1.0 with keep-alive": request(b"/live", CHROME, b"Connection: keep-alive", version=b"1.0"),
    "expect: 100-continue": request(b"/live", CHROME, b"Expect: 100-continue"),
    "an upgrade": request(b"/live", CHROME, b"Connection: Upgrade", b"Upgrade: h2c"),
    "pipelined": request(b"/live", CHROME) * 20,
    "pipelined and mixed": (
        request(b"/live", CHROME)
        + request(b"/nowhere", CHROME)
        + request(b"/health/live")
        + request(b"/live+")
        + request(b"/live", CHROME, method=b"HEAD")
        + request(b"/live", CHROME, b"Connection: close")
    ),
    "an absolute target": request(b"http://sho.rt/live", CHROME),
    "no HTTP": b"hello\r\n\r\n",
    "odd paths": request(b"//live") + request(b"/live/") + request(b"/li") + request(b"/live%00") + request(b"/LIVE"),
}


class ParserOnly(RedirectProtocol):
    """The way past the parser, without the reader of ordinary heads."""

    _read = BoundedProtocol._read


WAYS = (RedirectProtocol, ParserOnly, BoundedProtocol)


@contextlib.asynccontextmanager
async def served(settings, protocol: type[HttpToolsProtocol]) -> AsyncIterator[tuple[str, int]]:
    config = uvicorn.Config(create_app(settings), http=protocol, port=0, log_config=None, proxy_headers=False)
    config.server_header = False
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started, within_s=20)
    # Until then nothing stays in memory for long.
    await eventually(lambda: config.loaded_app.state.parts[REDIRECT]._resolver._memory.lifetime_s > 1)
    yield server.servers[0].sockets[0].getsockname()
    server.should_exit = True
    await serving


async def converse(address: tuple[str, int], sent: bytes) -> bytes:
    """What the server says until it closes, which the last request asks for; without what the time of day changes."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(sent)
    received = b""
    # An upgrade that is not taken leaves the connection open, and what follows unread.
    with contextlib.suppress(TimeoutError, ConnectionError):
        # A head that comes alone is read without the parser.
        received = await asyncio.wait_for(reader.read(65536), 2)
        writer.write(request(b"/health/live", b"Connection: close"))
        while chunk := await asyncio.wait_for(reader.read(65536), 2):
            received += chunk
    writer.close()
    received = re.sub(rb"(date: )[^\r]+", rb"\1then", received)
    received = re.sub(rb"(agreed=)[\w-]+", rb"\1token", received)
    return re.sub(rb"(reset: |;t=|retry-after: )\d+", rb"\1n", received)


async def answer_of(reader: asyncio.StreamReader, is_head: bool = False) -> bytes:
    """One whole answer."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    length = re.search(rb"content-length: (\d+)", head)
    assert length is not None
    return head + (b"" if is_head else await reader.readexactly(int(length[1])))


@pytest.fixture
def limited(settings):
    return changed(settings, limit_redirect="1000/minute", limit_miss="100/minute", trusted_proxies="127.0.0.0/8")


@pytest.fixture
async def links(app, database) -> None:
    async with client_of(app) as client:
        for code in ("live", "disabled", "deleted"):
            await create_link(client, f"https://example.com/{code}?x=1", code=code)
        await client.patch("/api/v1/links/disabled", json={"disabled": True})
        await client.delete("/api/v1/links/deleted")
        await create_link(client, "https://xn--80ak6aa92e.example/", code="warned")
        await create_link(client, code="banned")
        await create_link(client, code="expired")
        await create_link(
            client, code="options", rules=RULES, forward_query=True, forward_path=True, utm={"source": "s"}
        )
        await client.post("/api/v1/links/options/aliases", json={"code": "alias"})
        await create_link(client, code="permanent", redirect_status=301, indexable=True)
        await create_link(client, code="carded", preview={"title": "T"})
        await create_link(client, code="limited", max_clicks=1000)
        await create_link(client, code="used", max_clicks=1)
        await create_link(client, code="later", starts_at="2999-01-01T00:00:00Z")
        await create_link(client, code="locked", password="open sesame")
    async with database.driver_connection() as connection:
        await connection.execute(
            "UPDATE click_limits SET used = 1 WHERE link_id = (SELECT id FROM links WHERE code = 'used')"
        )
        await connection.execute("UPDATE links SET ban_id = 1 WHERE code = 'banned'")
        await connection.execute("UPDATE links SET expires_at = now() - interval '1 hour' WHERE code = 'expired'")


@pytest.mark.parametrize("cache_memory_size", [1, 1000], ids=["looked up", "in memory"])
async def test_all_ways_give_the_same_bytes_count_the_same_clicks_and_use_up_the_same_limits(
    limited, links, redis, drain, cache_memory_size
):
    limited = changed(limited, cache_memory_size=cache_memory_size)
    said: list[dict[str, bytes]] = []
    counted = []
    for protocol in WAYS:
        await drain()
        await redis.flushall()
        async with served(limited, protocol) as address:
            for warm_up in ("a hit", "a miss", "a disabled link"):
                await converse(address, CONVERSATIONS[warm_up])
            said.append({name: await converse(address, sent) for name, sent in CONVERSATIONS.items()})
        counted.append(await drain())
    for name in CONVERSATIONS:
        assert said[0][name] == said[1][name] == said[2][name], name
    assert counted[0] == counted[1] == counted[2] > 40


@pytest.fixture
def tasks(monkeypatch) -> list[str]:
    """The paths of the requests for which uvicorn has started a task."""
    paths = []
    start = HttpToolsProtocol._start_asgi_task
    monkeypatch.setattr(
        HttpToolsProtocol, "_start_asgi_task", lambda *args: (paths.append(args[1].scope["path"]), start(*args))
    )
    return paths


@pytest.mark.parametrize("cache_memory_size", [1, 1000], ids=["looked up", "in memory"])
async def test_a_request_for_a_code_needs_no_task_whatever_the_answer(limited, links, tasks, cache_memory_size):
    async with served(changed(limited, cache_memory_size=cache_memory_size), RedirectProtocol) as address:
        for _ in range(2):
            assert (await converse(address, CONVERSATIONS["pipelined"])).count(b"302 Found") == 20
            for name in ("a miss for a person", "a disabled link", "a banned link", "a full stop behind the link"):
                await converse(address, CONVERSATIONS[name])
    assert set(tasks) == {"/health/live"}


READ_ONCE = ("a hit with everything a browser sends", "HEAD", "a miss", "a banned link", "a preview", "a prefetch")


@pytest.mark.parametrize("name", READ_ONCE)
async def test_an_ordinary_request_for_a_code_never_reaches_the_parser(limited, links, monkeypatch, name):
    parsed = []
    monkeypatch.setattr(BoundedProtocol, "_read", lambda protocol, data: parsed.append(data))
    async with served(limited, RedirectProtocol) as address:
        reader, writer = await asyncio.open_connection(*address)
        for _ in range(3):
            writer.write(CONVERSATIONS[name])
            assert (await answer_of(reader, name.startswith("HEAD"))).startswith(b"HTTP/1.1 ")
        writer.close()
    assert parsed == []


async def test_beyond_the_quota_all_ways_refuse(limited, links):
    for n, protocol in enumerate(WAYS):
        async with served(changed(limited, limit_redirect="5/minute"), protocol) as address:
            headers = (CHROME, b"X-Forwarded-For: 192.0.2.%d" % (10 + n))
            answers = await converse(address, request(b"/live", *headers) * 8)
            assert (answers.count(b"302 Found"), answers.count(b"429 Too Many")) == (5, 3)


async def test_a_request_that_comes_while_an_answer_waits_for_its_click_is_answered_next(limited, links, monkeypatch):
    """However the bytes are cut."""
    two = CONVERSATIONS["a hit"] + CONVERSATIONS["a disabled link"]
    async with served(limited, RedirectProtocol) as address:
        for n in range(1, len(two)):
            reader, writer = await asyncio.open_connection(*address)
            writer.transport.set_write_buffer_limits(0)
            writer.write(two[:n])
            await asyncio.sleep(0)
            writer.write(two[n:])
            assert (await answer_of(reader)).startswith(b"HTTP/1.1 302 ")
            assert (await answer_of(reader)).startswith(b"HTTP/1.1 410 ")
            writer.close()


async def test_a_server_that_stops_gives_the_answer_that_waits_for_its_click(limited, links, redis):
    async with served(changed(limited, redis_timeout_ms=5000), RedirectProtocol) as address:
        await converse(address, CONVERSATIONS["a hit"])
        reader, writer = await asyncio.open_connection(*address)
        # Longer than uvicorn takes to notice that it is to stop.
        await redis.execute_command("CLIENT", "PAUSE", 1000, "WRITE")
        writer.write(CONVERSATIONS["a hit"])
        await writer.drain()
    said = await reader.read()
    assert said.startswith(b"HTTP/1.1 302 ")
    assert b"\r\nconnection: close\r\n" in said
    writer.close()


async def test_a_client_that_leaves_before_its_answer_harms_nobody(limited, links, redis):
    async with served(limited, RedirectProtocol) as address:
        await converse(address, CONVERSATIONS["a hit"])
        for _ in range(50):
            _, writer = await asyncio.open_connection(*address)
            writer.write(CONVERSATIONS["pipelined"])
            writer.transport.abort()
        assert b"302 Found" in await converse(address, CONVERSATIONS["a hit"])


def test_uvicorn_still_has_what_the_protocol_relies_on():
    assert list(inspect.signature(HttpToolsProtocol._start_asgi_task).parameters) == ["self", "cycle", "app"]
    source = inspect.getsource(HttpToolsProtocol)
    assert source.count("self._start_asgi_task(") == 2
    written = inspect.getsource(RequestResponseCycle)
    for name in (
        "default_headers",
        "keep_alive",
        "response_started",
        "response_complete",
        "message_event",
        "on_response",
    ):
        assert f"self.{name}" in written
    assert "disconnected" in written
