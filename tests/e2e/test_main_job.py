"""A link is created, followed and counted, by the processes that an operator runs."""

import contextlib
import time
from pathlib import Path

import httpx
import psutil
import pytest
from playwright.async_api import Browser

from shortener.redirect.location import encode
from tests.e2e.product import CHROME, Product, clicks_of, create, eventually, run_command, running

URLS = (Path(__file__).parent / "urls.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    with running(tmp_path_factory.mktemp("main") / "data") as product:
        yield product


def test_200_urls_of_the_real_world_are_followed_and_counted(product: Product):
    assert len(URLS) >= 200
    with product.client() as client:
        codes = {url: create(client, url) for url in URLS}
        assert len(set(codes.values())) == len(URLS)
        for url, code in codes.items():
            answer = client.get(f"/{code}", headers={"Referer": "https://news.example.org/"})
            assert (answer.status_code, answer.headers["location"]) == (302, encode(url))
        for code in codes.values():
            eventually(lambda code=code: clicks_of(client, code) == 1)
        figures = client.get(f"/api/v1/links/{codes[URLS[0]]}/stats").json()
        assert figures["visitors"] == 1
        assert figures["referrers"] == [{"value": "news.example.org", "clicks": 1}]
        assert figures["browsers"] == [{"value": "Chrome", "clicks": 1}]
        assert figures["systems"] == [{"value": "Linux", "clicks": 1}]
        assert figures["devices"] == [{"value": "Desktop", "clicks": 1}]
        assert sum(bucket["clicks"] for bucket in figures["series"]) == 1


def test_a_click_is_in_the_figures_within_two_seconds(product: Product):
    with product.client() as client:
        for _ in range(5):
            code = create(client)
            client.get(f"/{code}")
            followed_at = time.monotonic()
            eventually(lambda code=code: clicks_of(client, code) == 1)
            assert time.monotonic() - followed_at < 2


def test_an_edit_is_seen_in_every_process_within_a_second(product: Product):
    with product.client() as client:
        code = create(client, "https://example.com/old")
        # Each connection is served by whichever process takes it: many of them reach both.
        clients = [product.client() for _ in range(16)]
        for other in clients:
            assert other.get(f"/{code}").headers["location"] == "https://example.com/old"
        client.patch(f"/api/v1/links/{code}", json={"url": "https://example.com/new"}).raise_for_status()
        eventually(
            lambda: {other.get(f"/{code}").headers["location"] for other in clients} == {"https://example.com/new"}, 1.0
        )
        client.delete(f"/api/v1/links/{code}").raise_for_status()
        eventually(lambda: {other.get(f"/{code}").status_code for other in clients} == {410}, 1.0)
        for other in clients:
            other.close()


def is_served(web: psutil.Process, port: int) -> bool:
    """Whether somebody is connected to this process."""
    connections = web.net_connections("tcp")
    return any(found.laddr.port == port and found.status == psutil.CONN_ESTABLISHED for found in connections)


def test_a_revocation_and_a_ban_are_felt_by_every_process_within_a_second(product: Product):
    admin = {"X-API-Key": run_command("key", "create", "admin@localhost", data_dir=product.data_dir).stdout.strip()}
    webs = product.named("shortener web")
    assert len(webs) == 2
    with contextlib.ExitStack() as stack:
        clients: list[httpx.Client] = []
        while not all(is_served(web, product.port) for web in webs):
            assert len(clients) < 200
            clients.append(stack.enter_context(product.client()))
            assert clients[-1].get("/health/live").status_code == 200

        def statuses(path: str, headers: dict[str, str] | None = None) -> set[int]:
            return {client.get(path, headers=headers).status_code for client in clients}

        client = stack.enter_context(product.client())
        body = {"name": "x", "scopes": ["links:read"]}
        key = client.post("/api/v1/keys", json=body, headers=admin).raise_for_status().json()
        shown = {"X-API-Key": key["key"]}
        assert statuses("/api/v1/me", shown) == {200}
        client.delete(f"/api/v1/keys/{key['id']}", headers=admin).raise_for_status()
        eventually(lambda: statuses("/api/v1/me", shown) == {401}, 1.0)

        code = create(client, "https://login.phish.example/")
        assert statuses(f"/{code}") == {302}
        body = {"kind": "host", "value": "phish.example", "reason": "phishing"}
        ban = client.post("/api/v1/admin/bans", json=body, headers=admin).raise_for_status().json()
        eventually(lambda: statuses(f"/{code}") == {410}, 1.0)
        client.delete(f"/api/v1/admin/bans/{ban['id']}", headers=admin).raise_for_status()
        eventually(lambda: statuses(f"/{code}") == {302}, 1.0)


def test_the_command_line_shortens_and_shows_figures(product: Product):
    made = run_command("shorten", "https://example.com/cli", "--code", "from-cli", data_dir=product.data_dir)
    assert made.stdout == f"{product.url}/from-cli\n", made.stderr
    with product.client() as client:
        assert client.get("/from-cli").headers["location"] == "https://example.com/cli"
        eventually(lambda: clicks_of(client, "from-cli") == 1)
    shown = run_command("stats", "from-cli", data_dir=product.data_dir)
    assert shown.returncode == 0
    assert "1 in all" in shown.stdout
    assert "Chrome" in shown.stdout


def test_a_command_that_cannot_be_done_says_why_in_one_line(product: Product):
    for arguments, reason in (
        (("shorten", "javascript:alert(1)"), "only http and https"),
        (("shorten", "https://example.com/", "--code", "from/cli"), "a code has 3 to 64"),
        (("stats", "nowhere"), "The link nowhere does not exist"),
    ):
        failed = run_command(*arguments, data_dir=product.data_dir)
        assert failed.returncode == 1
        assert reason in failed.stderr
        assert len(failed.stderr.splitlines()) == 1


def test_doctor_finds_all_well(product: Product):
    examined = run_command("doctor", data_dir=product.data_dir)
    assert examined.returncode == 0, examined.stdout
    assert "fail" not in examined.stdout


async def test_a_browser_follows_a_link_and_the_click_is_counted(product: Product, browser: Browser, destination: str):
    with product.client() as client:
        code = create(client, f"{destination}/arrived?x=1#there")
        page = await browser.new_page(user_agent=CHROME)
        await page.goto(f"{product.url}/{code}")
        assert await page.title() == "Arrived"
        assert page.url == f"{destination}/arrived?x=1#there"
        await page.close()
        eventually(lambda: clicks_of(client, code) == 1)
