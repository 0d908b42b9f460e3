"""The proxies of docs/deployment.md, as they are written there, in front of the product."""

import asyncio
import contextlib
import datetime
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shortener.http.request_observer import RequestObserver
from shortener.main import create_app
from shortener.redirect.protocol import RedirectProtocol
from tests.conftest import changed, create_link, eventually
from tests.e2e.product import free_port
from tests.links.test_api import LINKS
from tests.test_docs import ROOT

HOST = "sho.rt"
UPSTREAM = "127.0.0.1:8000"
PROXIES = {"caddy": "caddy", "nginx": "nginx", "haproxy": "haproxy", "apache": "apache2"}
LENGTHS = (60, 3_500, 3_567, 4_096, 6_000, 8_150, 8_191, 8_192)
PATHS = (
    "/live",
    "/live+",
    "/live?a=%20b",
    "/%6Cive",
    "/live%2F",
    "/live%2Fx",
    "/nowhere",
    "/ab",
    "/a%20b",
    "/api/v1//links",
)
APACHE_MODULES = Path("/usr/lib/apache2/modules")


def block_of(proxy: str) -> str:
    (found,) = re.findall(
        rf"^```{proxy}\n(.*?)^```$", (ROOT / "docs/deployment.md").read_text(), re.DOTALL | re.MULTILINE
    )
    return found


class Files(NamedTuple):
    folder: Path
    certificate: Path
    key: Path


def replaced(text: str, *changes: tuple[str, str]) -> str:
    """With what only this machine is different in; each of the changes is one."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def caddy(block: str, port: int, files: Files) -> tuple[str, list[str]]:
    site = f"https://{HOST}:{port} {{\n\tbind 127.0.0.1\n\ttls {files.certificate} {files.key}"
    text = "{\n\tadmin off\n\tauto_https off\n}\n" + replaced(block, (f"{HOST} {{", site))
    return text, ["caddy", "run", "--adapter", "caddyfile", "--config"]


def nginx(block: str, port: int, files: Files) -> tuple[str, list[str]]:
    block = replaced(block, ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"), *certificates(files))
    # As root its workers would be another user, who cannot reach the test's folder.
    user = "user root;" if os.geteuid() == 0 else ""
    paths = "".join(
        f"{kind}_temp_path {files.folder};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = f"daemon off; pid {files.folder}/pid; {user} error_log stderr; events {{}}\n"
    return f"{text}http {{ access_log off; {paths}\n{block}}}", ["nginx", "-p", str(files.folder), "-c"]


def haproxy(block: str, port: int, files: Files) -> tuple[str, list[str]]:
    both = files.folder / "both.pem"
    both.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
    block = replaced(block, ("bind :443", f"bind 127.0.0.1:{port}"), ("/etc/ssl/sho.rt.pem", str(both)))
    return block, ["haproxy", "-db", "-f"]


def apache(block: str, port: int, files: Files) -> tuple[str, list[str]]:
    block = replaced(block, ("*:443", f"127.0.0.1:{port}"), *certificates(files))
    modules = "".join(
        f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n"
        for name in ("mpm_event", "authz_core", "proxy", "proxy_http", "ssl")
    )
    user = "User daemon\nGroup daemon\n" if os.geteuid() == 0 else ""
    own = f"ServerRoot {files.folder}\nPidFile pid\nDefaultRuntimeDir {files.folder}\nErrorLog /dev/stderr\n{user}"
    # The default of a compiled Apache, and of Debian's.
    return f"{modules}{own}Listen 127.0.0.1:{port}\n{block}", ["apache2", "-X", "-f"]


def certificates(files: Files) -> tuple[tuple[str, str], ...]:
    return ("/etc/ssl/sho.rt.crt", str(files.certificate)), ("/etc/ssl/sho.rt.key", str(files.key))


CONFIGURATIONS = {"caddy": caddy, "nginx": nginx, "haproxy": haproxy, "apache": apache}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = Files(tmp_path, tmp_path / "crt.pem", tmp_path / "key.pem")
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, plain))
    return files


class Product(NamedTuple):
    url: str
    # The headers of each request that was not a redirect.
    seen: list[dict[bytes, bytes]]


@pytest.fixture
async def product(settings) -> AsyncIterator[Product]:
    """As it runs behind a proxy."""
    app = create_app(changed(settings, base_url=f"https://{HOST}", trusted_proxies="127.0.0.1", limit_api_bytes="off"))
    seen: list[dict[bytes, bytes]] = []
    app.add_middleware(RequestObserver, note=lambda scope, *_: seen.append(dict(scope["headers"])))
    config = uvicorn.Config(app, http=RedirectProtocol, port=0, log_config=None, proxy_headers=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started, within_s=20)
    yield Product(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", seen)
    server.should_exit = True
    await serving


@contextlib.contextmanager
def started(proxy: str, port: int, product: Product, files: Files) -> Iterator[None]:
    text, command = CONFIGURATIONS[proxy](block_of(proxy), port, files)
    config = files.folder / "config"
    config.write_text(replaced(text, (UPSTREAM, product.url.removeprefix("http://"))))
    log = files.folder / "log"
    environment = {"PATH": f"{os.environ['PATH']}:/usr/sbin", "HOME": str(files.folder)}
    with log.open("wb") as output:
        process = subprocess.Popen([*command, str(config)], env=environment, stdout=output, stderr=output)
    try:
        yield
    except BaseException as error:
        error.add_note(log.read_text(errors="replace")[-4000:])
        raise
    finally:
        process.terminate()
        process.wait(20)


class ThroughProxy(httpx.AsyncBaseTransport):
    """To the proxy, as if its name led there."""

    def __init__(self, port: int, files: Files) -> None:
        context = ssl.create_default_context(cafile=str(files.certificate))
        self._port, self._transport = port, httpx.AsyncHTTPTransport(verify=context)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = HOST
        request.url = request.url.copy_with(host="127.0.0.1", port=self._port)
        return await self._transport.handle_async_request(request)


@pytest.fixture(params=PROXIES)
async def proxied(request, product, files) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the product that comes through the proxy."""
    binary = PROXIES[request.param]
    if shutil.which(binary, path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip(f"{binary} is not installed on this machine")
    port = free_port()
    with started(request.param, port, product, files):
        async with httpx.AsyncClient(
            transport=ThroughProxy(port, files), base_url=f"https://{HOST}", timeout=30
        ) as client:

            async def answers() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return (await client.get("/health/live")).status_code == 200
                return False

            await eventually(answers, within_s=20)
            yield client


@pytest.fixture
async def direct(product) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=product.url, headers={"Host": HOST}, timeout=30) as client:
        yield client


def destination(length: int) -> str:
    return "https://example.com/".ljust(length, "a")


async def test_destinations_of_any_length_are_reached_through_every_proxy_of_the_documentation(proxied):
    for length in LENGTHS:
        link = await create_link(proxied, destination(length))
        for method in ("GET", "HEAD"):
            answer = await proxied.request(method, f"/{link['code']}")
            assert (answer.status_code, answer.headers.get("location")) == (302, destination(length)), length
        assert (await proxied.get(f"/{link['code']}+")).json()["url"] == destination(length)


async def test_every_proxy_passes_on_path_host_and_client(proxied, direct, product):
    await create_link(direct, "https://example.com/?a=%20b", code="live")
    for path in PATHS:
        found, expected = await proxied.get(path), await direct.get(path)
        assert found.status_code == expected.status_code, path
        for name in ("location", "content-type"):
            assert found.headers.get(name) == expected.headers.get(name), path
    product.seen.clear()
    assert (await proxied.get(LINKS)).status_code == 200
    # It is noted once the answer has gone.
    [headers] = await eventually(lambda: list(product.seen))
    assert headers[b"host"] == HOST.encode()
    assert headers[b"x-forwarded-for"].split(b",")[-1].strip() == b"127.0.0.1"


async def test_every_proxy_lets_the_largest_body_through(proxied, direct):
    body = b'{"links": [{"url": "https://example.com/"}]' + b" " * (15 * 2**20) + b"}"
    json = {"Content-Type": "application/json"}
    expected = await direct.post(f"{LINKS}/bulk", content=body, headers=json)
    found = await proxied.post(f"{LINKS}/bulk", content=body, headers=json)
    assert (found.status_code, found.headers["content-type"]) == (
        expected.status_code,
        expected.headers["content-type"],
    )
