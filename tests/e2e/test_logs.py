"""No log of the real processes tells a secret or an address, and nobody writes a line of their own into it."""

import contextlib
import json
from collections.abc import Iterator
from itertools import count
from urllib.parse import quote

import httpx
import pytest

from tests.accounts.oidc.provider import CLIENT_ID, CLIENT_SECRET, providing
from tests.e2e.product import Product, eventually, running

PASSWORD, ADDRESSES = "a canary sings in the mine", ("198.51.100.77", "2001:db8:aaaa:bbbb::cccc")
FORGED = '{"event": "forged"}'
LINE_BREAKS = (f"\n{FORGED}", f"\r\n{FORGED}", f"\u2028{FORGED}", f"\x85{FORGED}", "\x1b[31mred")


class Canaries:
    """Makes secrets, each once."""

    def __init__(self) -> None:
        self._numbers = count()
        self.all: list[str] = [PASSWORD, CLIENT_SECRET, *ADDRESSES]

    def __call__(self) -> str:
        self.all.append(f"canary{next(self._numbers):05}bird")
        return self.all[-1]

    def known(self, secret: str) -> str:
        self.all.append(secret)
        return secret


def headers(secret: Canaries) -> Iterator[dict[str, str]]:
    forwarded = {"X-Forwarded-For": ADDRESSES[0], "User-Agent": f"agent {secret()}", "Referer": f"https://{secret()}/"}
    yield forwarded | {"Authorization": f"Bearer {secret()}", "Cookie": f"session={secret()}"}
    yield forwarded | {"X-API-Key": f"shr_{secret()}", "Idempotency-Key": secret(), "X-Forwarded-For": ADDRESSES[1]}
    yield forwarded | {"Authorization": f"Basic {secret()}", "Proxy-Authorization": secret()}


def body(secret: Canaries) -> dict[str, object]:
    texts = ("password", "current_password", "new_password", "refresh_token", "client_secret", "name", "reason")
    return {name: secret() + LINE_BREAKS[0] for name in texts} | {"url": f"https://example.com/?token={secret()}"}


def ask_everything(client: httpx.Client, secret: Canaries, login: dict[str, str]) -> None:
    """Each operation of the document, with secrets wherever there is room for one."""
    operations = [
        (method.upper(), path)
        for path, item in client.get("/openapi.json").json()["paths"].items()
        for method in item
        # The account is needed to the end.
        if path not in {"/api/v1/me/delete", "/api/v1/auth/logout"}
    ]
    assert len(operations) > 20
    for method, template in operations:
        path = template.replace("{code}", "live").replace("{key_id}", "00000000-0000-0000-0000-000000000000")
        for chosen in (*headers(secret), login):
            client.request(method, path, params={"q": secret(), "token": secret()}, headers=chosen)
            client.request(method, path, json=body(secret), headers=chosen)
            client.request(method, path, content=f'{{"password": "{secret()}', headers=chosen)
            client.request(method, path, data={"username": "ada@example.com", "password": secret()}, headers=chosen)
    for line_break in LINE_BREAKS:
        for path in (f"/{line_break}", f"/api/v1/links/{line_break}", f"/static/{line_break}"):
            client.get(quote(path))


@contextlib.contextmanager
def talkative(folder, log_format: str, issuer: str) -> Iterator[Product]:
    settings = {
        "access_log": True,
        "log_level": "debug",
        "log_format": log_format,
        "trusted_proxies": "127.0.0.1",
        "registration": "open",
        "limit_api": "off",
        "limit_account": "off",
        "limit_login": "off",
        "web_processes": 1,
        "oidc_issuer": issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
    }
    with running(folder / "data", **settings) as product:
        yield product


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_secret_and_no_address_is_logged_and_nobody_forges_a_line(tmp_path, log_format):
    secret = Canaries()
    with providing() as idp, talkative(tmp_path, log_format, idp.issuer) as product, product.client() as client:
        account = {"email": "ada@example.com", "password": PASSWORD}
        client.post("/api/v1/auth/register", json=account).raise_for_status()
        form = {"username": account["email"], "password": PASSWORD}
        tokens = client.post("/api/v1/auth/token", data=form).raise_for_status().json()
        login = {"Authorization": f"Bearer {secret.known(tokens['access_token'])}"}
        secret.known(tokens["refresh_token"])
        link = {"url": "https://example.com/", "code": "live"}
        client.post("/api/v1/links", json=link, headers=login).raise_for_status()
        made = client.post("/api/v1/keys", json={"name": "x", "scopes": ["links:read"]}, headers=login)
        key = secret.known(made.raise_for_status().json()["key"])
        # By mistake in a path, where the access log has them.
        for shown in (key, tokens["access_token"], tokens["refresh_token"]):
            for path in (f"/{shown}", f"/api/v1/links/{shown}"):
                client.get(path)
        back = httpx.get(client.get("/api/v1/auth/oidc/login").headers["location"]).headers["location"]
        url = httpx.URL(back)
        secret.known(url.params["code"])
        secret.known(url.params["state"])
        client.get(str(url.raw_path, "ascii"))
        idp.answers = {"/token": lambda: 1 / 0}
        client.get("/api/v1/auth/oidc/login")
        ask_everything(client, secret, login)
        client.get("/nowhere/at/last")
        eventually(lambda: "/nowhere/at/last" in product.output())
        output = product.output()
    assert output.count("/api/v1/auth/token") > 5
    assert [canary for canary in secret.all if canary in output] == []
    lines = output.splitlines()
    assert [line for line in lines if line.startswith(FORGED)] == []
    assert "\x1b[31mred" not in output
    if log_format == "json":
        assert "forged" not in {json.loads(line)["event"] for line in lines if line.startswith("{")}
