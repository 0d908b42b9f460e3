"""The fast reader and the parser understand every input alike. Both run inside the real protocol classes, on a
connection in memory, and the answers say what was understood."""

import asyncio
from types import SimpleNamespace

import pytest
import uvicorn
from hypothesis import example, given, settings
from hypothesis import strategies as st
from uvicorn.server import ServerState

from shortener.http.client_address import TrustedProxies
from shortener.http.parts import PROTECTIONS
from shortener.http.protocol import BoundedProtocol
from shortener.parts import Parts
from shortener.redirect.answers import Answer
from shortener.redirect.head import CODE, read_head
from shortener.redirect.hosts import Hosts
from shortener.redirect.parts import REDIRECT
from shortener.redirect.protocol import RedirectProtocol
from shortener.redirect.router import Redirects
from shortener.settings import load_settings

CHROME = (
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


class ParserOnly(RedirectProtocol):
    _read = BoundedProtocol._read


class Echo(Redirects):
    """Reads as the product does; its answers tell the request, at once or after a turn of the loop."""

    def __init__(self, delay: bool) -> None:
        self._proxies = TrustedProxies([])
        self._reserved = frozenset(("docs",))
        self._delay = delay
        self._ignores_case = False
        self._hosts = Hosts(["short.example"], refuses_unknown=False)
        self._prefixes = self._hosts.prefixes

    def respond(self, request, reply) -> None:
        answer = Answer(302 if self._delay else 404, b"request: %b\r\n" % repr(request).encode(), b"")
        if self._delay:
            asyncio.get_running_loop().call_soon(reply, answer)
        else:
            reply(answer)


class Connection(asyncio.Transport):
    """Keeps the protocol's output in memory."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.7", 4711), "sockname": ("127.0.0.1", 8000)})
        self.written = b""
        self.is_closed = False

    def write(self, data) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.is_closed

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def app(scope, receive, send) -> None:
    """Tells which request came to the ordinary route."""
    told = {name: scope[name] for name in ("method", "path", "query_string", "headers")}
    await send({"type": "http.response.start", "status": 200, "headers": [(b"request", repr(told).encode("ascii"))]})
    await send({"type": "http.response.body", "body": b""})


async def say(protocol: type[BoundedProtocol], pieces: list[bytes], delay: bool) -> tuple[bytes, bool]:
    """All that is written in answer to these pieces, and whether the connection is closed then."""
    config = uvicorn.Config(app, log_config=None, lifespan="off")
    config.load()
    parts = Parts(load_settings())
    parts[REDIRECT], parts[PROTECTIONS] = Echo(delay), []
    config.loaded_app = app_with_state = lambda *args: app(*args)
    app_with_state.state = SimpleNamespace(parts=parts)
    speaker = protocol(config, ServerState(), {})
    connection = Connection()
    speaker.connection_made(connection)
    for piece in pieces:
        if connection.is_closed:
            break
        speaker.data_received(piece)
        await asyncio.sleep(0)
    for _ in range(6 * (1 + b"".join(pieces).count(b"\r\n\r\n"))):
        await asyncio.sleep(0)
    speaker.connection_lost(None)
    return connection.written, connection.is_closed


def understood(pieces: list[bytes], delay: bool = False) -> tuple[bytes, bool]:
    """What both say. Fails when they differ."""

    async def both() -> list[tuple[bytes, bool]]:
        return [await say(protocol, pieces, delay) for protocol in (RedirectProtocol, ParserOnly)]

    fast, parsed = asyncio.run(both())
    assert fast == parsed, pieces
    return fast


def head(line: bytes = b"GET /abc HTTP/1.1", *headers: bytes, host: bytes = b"Host: sho.rt") -> bytes:
    return b"\r\n".join((line, host, *headers, b"", b""))


ORDINARY = {
    "wrk": head(),
    "a browser": head(
        b"GET /abc?utm_source=news&q=%20 HTTP/1.1",
        b"Connection: keep-alive",
        b'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"',
        b"Upgrade-Insecure-Requests: 1",
        CHROME,
        b"Accept: text/html,application/xhtml+xml,*/*;q=0.8",
        b"Sec-Fetch-Site: cross-site",
        b"Sec-Fetch-Dest: document",
        b"Referer: https://news.example.org/?a=b#c",
        b"Accept-Encoding: gzip, deflate, br, zstd",
        b"Cookie: a=b; c=d",
    ),
    "HEAD": head(b"HEAD /abc HTTP/1.1", CHROME),
    "a preview": head(b"GET /abc+ HTTP/1.1", b"accept: text/html"),
    "a proxy": head(b"GET /abc HTTP/1.1", b"X-Forwarded-For: 198.51.100.1, 192.0.2.9", b"X-Forwarded-Proto: https"),
    "a prefetch": head(b"GET /abc HTTP/1.1", b"Sec-Purpose: prefetch;prerender"),
    "a picture": head(b"GET /abc HTTP/1.1", b"Sec-Fetch-Dest: image", b"Accept: image/avif,*/*;q=0.8"),
    "headers without blanks and without values": head(b"GET /abc HTTP/1.1", b"User-Agent:x", b"Referer:", b"X:"),
    "a host with a port": head(host=b"host: [::1]:8000"),
    "host last": b"GET /abc HTTP/1.1\r\nUser-Agent: x\r\nAccept: */*\r\nHost: sho.rt\r\n\r\n",
    "two user agents": head(b"GET /abc HTTP/1.1", b"User-Agent: first", b"User-Agent: second"),
}
UNUSUAL = {
    "HTTP/1.0": head(b"GET /abc HTTP/1.0"),
    "a word that is reserved": head(b"GET /docs HTTP/1.1"),
    "another method": head(b"POST /abc HTTP/1.1"),
    "lower case": head(b"get /abc HTTP/1.1"),
    "an absolute target": head(b"GET http://sho.rt/abc HTTP/1.1"),
    "a fragment": head(b"GET /abc#x HTTP/1.1"),
    "a fragment in the query": head(b"GET /abc?a#x HTTP/1.1"),
    "an escape": head(b"GET /%61bc HTTP/1.1"),
    "two blanks": head(b"GET  /abc HTTP/1.1"),
    "a blank at the end of the line": head(b"GET /abc HTTP/1.1 "),
    "a body": head(b"GET /abc HTTP/1.1", b"Content-Length: 3") + b"abc",
    "no body": head(b"GET /abc HTTP/1.1", b"Content-Length: 0"),
    "chunks": head(b"GET /abc HTTP/1.1", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "a length twice": head(b"GET /abc HTTP/1.1", b"Content-Length: 0", b"content-length: 3"),
    "a length and chunks": head(b"GET /abc HTTP/1.1", b"Content-Length: 3", b"Transfer-Encoding: chunked"),
    "close": head(b"GET /abc HTTP/1.1", b"Connection: close"),
    "close among others": head(b"GET /abc HTTP/1.1", b"Connection: keep-alive, close"),
    "keep-alive and close": head(b"GET /abc HTTP/1.1", b"Connection: keep-alive", b"Connection: close"),
    "an upgrade": head(b"GET /abc HTTP/1.1", b"Connection: Upgrade", b"Upgrade: h2c"),
    "an upgrade without connection": head(b"GET /abc HTTP/1.1", b"Upgrade: h2c"),
    "expect": head(b"GET /abc HTTP/1.1", b"Expect: 100-continue"),
    "no host": b"GET /abc HTTP/1.1\r\nUser-Agent: x\r\n\r\n",
    "no header": b"GET /abc HTTP/1.1\r\n\r\n",
    "two hosts": head(b"GET /abc HTTP/1.1", b"Host: sho.rt"),
    "two hosts, apart": head(b"GET /abc HTTP/1.1", CHROME, b"host: sho.rt"),
    "a folded line": head(b"GET /abc HTTP/1.1", b"User-Agent: a\r\n b"),
    "a folded line at the end": head(b"GET /abc HTTP/1.1", b"User-Agent: a", b" b"),
    "bare line feeds": head().replace(b"\r\n", b"\n"),
    "one bare line feed": head(b"GET /abc HTTP/1.1", b"A: b\nC: d"),
    "a bare carriage return": head(b"GET /abc HTTP/1.1", b"A: b\rC: d"),
    "NUL": head(b"GET /abc HTTP/1.1", b"A: b\0c"),
    "bytes beyond ASCII": head(b"GET /abc HTTP/1.1", b"User-Agent: caf\xc3\xa9"),
    "a blank before the colon": head(b"GET /abc HTTP/1.1", b"User-Agent : x"),
    "blanks around a value": head(b"GET /abc HTTP/1.1", b"User-Agent:  \tx\t "),
    "a name without a colon": head(b"GET /abc HTTP/1.1", b"User-Agent"),
    "an empty name": head(b"GET /abc HTTP/1.1", b": x"),
    "two forwarded lines": head(b"GET /abc HTTP/1.1", b"X-Forwarded-For: 198.51.100.1", b"X-Forwarded-For: 192.0.2.9"),
    "two purposes": head(b"GET /abc HTTP/1.1", b"Purpose: prefetch", b"X-Moz: none"),
    "a blank line first": b"\r\n" + head(),
    "something behind it": head() + b"x",
    "raw letters": head("GET /abc?q=测试 HTTP/1.1".encode()),
    "no HTTP": b"hello\r\n\r\n",
}
HEADS = ORDINARY | UNUSUAL


@pytest.mark.parametrize("sent", ORDINARY.values(), ids=ORDINARY)
def test_an_ordinary_head_is_read_without_the_parser(sent):
    assert read_head(sent) is not None


@pytest.mark.parametrize("sent", UNUSUAL.values(), ids=UNUSUAL)
def test_an_unusual_head_is_left_to_the_parser(sent):
    found = read_head(sent)
    assert found is None or found[CODE] == b"docs"


@pytest.mark.parametrize("delay", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("sent", HEADS.values(), ids=HEADS)
def test_both_understand_a_head_alike_however_it_is_split(sent, delay):
    whole = understood([sent], delay)
    assert b"request: " in whole[0] or b" 400 " in whole[0] or not whole[0]
    understood([sent[n : n + 1] for n in range(len(sent))], delay)
    for n in range(1, len(sent)):
        understood([sent[:n], sent[n:]], delay)


@pytest.mark.parametrize("sent", HEADS.values(), ids=HEADS)
def test_both_understand_pipelined_heads_alike(sent):
    for delay in (False, True):
        for pieces in (
            [sent + ORDINARY["a browser"]],
            [ORDINARY["a browser"] + sent],
            [ORDINARY["wrk"], sent],
            [sent, ORDINARY["HEAD"]],
            [ORDINARY["wrk"], sent[:10], sent[10:]],
            [ORDINARY["wrk"] * 5 + sent + ORDINARY["wrk"]],
        ):
            understood(pieces, delay)


_NAMES = st.sampled_from(
    [
        *(b"Host", b"host", b"User-Agent", b"user-AGENT", b"Accept", b"Referer", b"Sec-Fetch-Dest", b"X-Forwarded-For"),
        *(b"Connection", b"Content-Length", b"Transfer-Encoding", b"Upgrade", b"Expect", b"Purpose", b"X-Moz", b"X_Y"),
        *(b"Cookie", b"", b" X", b"X ", b"X\t", b"a\xff"),
    ]
)
_VALUES = st.one_of(
    st.sampled_from([b"keep-alive", b"close", b"0", b"chunked", b"x", b"", b" x", b"x ", b"text/html", b"image"]),
    st.binary(max_size=12),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.encode),
)
_COLONS = st.sampled_from([b": ", b":", b":  ", b":\t", b" : ", b""])
_ENDS = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"\r\n ", b"\0\r\n", b"\r\r\n"])
_LINES = st.tuples(_NAMES, _COLONS, _VALUES, _ENDS).map(b"".join)
_TARGETS = st.one_of(
    st.sampled_from([b"/abc", b"/abc+", b"/abc?a=b", b"/ab", b"/abc/", b"/abc.", b"//abc", b"/docs", b"*", b"/abc++"]),
    st.binary(max_size=8).map(b"/abc?".__add__),
    st.binary(max_size=6).map(b"/".__add__),
)
_FIRST = st.tuples(st.sampled_from([b"GET", b"HEAD", b"POST"]), _TARGETS).map(lambda p: b"%b %b HTTP/1.1\r\n" % p)
_GENERATED = st.builds(
    lambda first, host, lines, rest: first + host + b"".join(lines) + b"\r\n" + rest,
    _FIRST,
    st.sampled_from([b"Host: sho.rt\r\n"] * 4 + [b"", b"host:sho.rt:80\r\n", b"Host: a b\r\n"]),
    st.lists(_LINES, max_size=5),
    st.sampled_from([b"", b"", b"", b"x", b"GET /abc HTTP/1.1\r\nHost: x\r\n\r\n"]),
)
_MUTATED = st.builds(
    lambda sent, at, byte, removed: sent[: at % len(sent)] + byte + sent[at % len(sent) + removed :],
    st.sampled_from(list(HEADS.values())),
    st.integers(0, 2000),
    st.binary(max_size=3),
    st.integers(0, 3),
)


@settings(max_examples=1500, deadline=None)
@given(st.one_of(_GENERATED, _MUTATED), st.integers(0, 400), st.booleans())
@example(head(b"GET /abc HTTP/1.1", b"User-Agent: x\r"), 0, False)
def test_no_input_is_understood_differently_by_the_fast_reader_and_the_parser(sent, at, delay):
    understood([sent], delay)
    at %= len(sent)
    understood([piece for piece in (sent[:at], sent[at:]) if piece], delay)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40000))
@example(b"GET /abc HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 6000)
@example(b"GET /abc?" + b"a" * 32000)
@example(head(b"GET /abc HTTP/1.1", b"A: " + b"  " * 16000))
def test_any_bytes_are_read_without_an_error(sent):
    read_head(sent)
