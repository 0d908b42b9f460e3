"""A file of hosts that no link may lead to."""

import pytest

from shortener.redirect.parts import REDIRECT
from shortener.screening.block_list import parse_hosts
from shortener.screening.hosts import covers, read_host
from tests.conftest import changed, client_of, create_link, eventually, running_app
from tests.links.test_api import LINKS, assert_problem
from tests.redirect.test_cache import until_informed

EVIL = "https://www.evil.example/x"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "hosts"
    path.write_text("# bad ones\n\nEVIL.example\nmünchen.example  # why not\r\n")
    return path


def test_each_line_is_a_host_or_a_comment_and_what_is_neither_is_named_by_its_number():
    lines = ["good.example", " Über.example ", "#x", "", "a b", "http://x.example", "10.1", "x.example/", "*.x.example"]
    hosts, bad = parse_hosts("\n".join([*lines, "[2001:DB8::1]", "under_score.example", "\ufffd\x00", "last.example."]))
    assert hosts == {
        "good.example",
        "xn--ber-goa.example",
        "10.0.0.1",
        "[2001:db8::1]",
        "under_score.example",
        "last.example",
    }
    assert bad == [5, 6, 8, 9, 12]


def test_a_file_may_come_from_any_editor():
    text = "\ufeffevil.example\r\n\u00a0bad.example\u200b # why\r\n\u3000\r\n"
    assert parse_hosts(text) == ({"evil.example", "bad.example"}, [])


def test_a_host_covers_its_subdomains_and_nothing_else():
    hosts = {"evil.example", "10.0.0.1", "xn--ber-goa.example"}
    for host in ("evil.example", "a.evil.example", "a.b.evil.example", "10.0.0.1", "www.xn--ber-goa.example"):
        assert covers(hosts, host), host
    for host in ("notevil.example", "example", "evil.example.org", "0.0.1", "110.0.0.1", "[::1]", ""):
        assert not covers(hosts, host), host


def test_a_host_is_read_as_urls_have_it():
    for text, host in {"2130706433": "127.0.0.1", "EXAMPLE.com.": "example.com", "faß.de": "xn--fa-hia.de"}.items():
        assert read_host(text) == host


async def test_no_link_is_made_to_a_listed_host_and_existing_ones_are_down(settings, client, path):
    await create_link(client, EVIL, code="evil")
    async with running_app(changed(settings, block_list=path)) as app, client_of(app) as listing:
        assert_problem(await listing.get("/evil"), 410, "link-banned")
        assert (await listing.get(f"{LINKS}/evil")).json()["banned"] is True
        for url in (EVIL, "http://evil.example:8080", "http://MÜNCHEN.example/"):
            assert_problem(await listing.post(LINKS, json={"url": url}), 422, "destination-refused")
        await create_link(listing, "https://notevil.example/", code="good")
        assert_problem(await listing.patch(f"{LINKS}/good", json={"url": EVIL}), 422, "destination-refused")
        assert (await listing.get("/good")).status_code == 302


async def test_a_changed_file_is_read_again_without_a_restart(settings, client, path):
    async with running_app(changed(settings, block_list=path)) as app, client_of(app) as client:
        await until_informed(app)
        await create_link(client, "https://later.example/", code="later")
        await eventually(lambda: _is_in_memory(app, client, "later"))
        path.write_text("later.example\n")

        async def statuses() -> bool:
            made = (await client.post(LINKS, json={"url": EVIL})).status_code
            return ((await client.get("/later")).status_code, made) == (410, 201)

        await eventually(statuses)
        path.unlink()
        path.with_name("new").write_text("evil.example")
        path.with_name("new").rename(path)

        async def is_back() -> bool:
            return (await client.get("/later")).status_code == 302

        await eventually(is_back)
        assert_problem(await client.post(LINKS, json={"url": EVIL}), 422, "destination-refused")


async def _is_in_memory(app, client, code: str) -> bool:
    await client.get(f"/{code}")
    return app.state.parts[REDIRECT]._resolver.peek(code) is not None


async def test_a_bad_line_or_a_file_that_is_gone_is_reported_and_changes_nothing_else(settings, path, capsys):
    logged = ""

    def is_logged(event: str) -> bool:
        nonlocal logged
        logged += capsys.readouterr().err
        return event in logged

    path.write_text("evil.example\nno host\n")
    async with running_app(changed(settings, block_list=path)) as app, client_of(app) as client:
        assert_problem(await client.post(LINKS, json={"url": EVIL}), 422, "destination-refused")
        assert is_logged("block_list_bad_lines")
        path.unlink()
        await eventually(lambda: is_logged("block_list_unreadable"))
        assert "no host" not in logged
        assert_problem(await client.post(LINKS, json={"url": EVIL}), 422, "destination-refused")
    async with running_app(changed(settings, block_list=path)) as app, client_of(app) as client:
        await create_link(client, EVIL)
