"""Domains of a workspace, from the first record to the last link."""

import re

import pytest

from tests.conftest import changed
from tests.dashboard.conftest import log_in
from tests.domains.conftest import names
from tests.domains.name_server import NameServer

__all__ = ["names"]


@pytest.fixture
def settings(settings, names: NameServer):
    return changed(settings, dns_servers=(("127.0.0.1", names.port),))


def record_of(html: str) -> tuple[str, str]:
    name, value = re.findall(r"<code>(_shortener[^<]+|shortener-verification[^<]+)</code>", html)
    return name, value


async def test_a_domain_is_added_verified_used_and_removed(ada, names):
    answer = await ada.post("/-/domains", data={"host": "Go.Example.com"}, follow_redirects=True)
    name, value = record_of(answer.text)
    answer = await ada.post("/-/domains/go.example.com/verify")
    assert answer.status_code == 422
    assert "The TXT record was not found." in answer.text
    names.records[name] = [value]
    answer = await ada.post("/-/domains/go.example.com/verify", follow_redirects=True)
    assert "go.example.com is verified." in answer.text
    fields = {"root_url": "example.com/home", "is_default": "1"}
    assert (await ada.post("/-/domains/go.example.com/settings", data=fields)).status_code == 303
    assert "Default" in (await ada.get("/-/domains")).text
    form = (await ada.get("/-/new")).text
    assert "<option selected>go.example.com</option>" in form
    made = await ada.post("/-/new", data={"url": "https://example.org/", "code": "abc", "domain": "go.example.com"})
    assert "go.example.com%2Fabc" in made.headers["location"] or "go.example.com/abc" in made.headers["location"]
    await ada.post("/-/new", data={"url": "https://example.org/", "code": "own", "domain": "-"})
    text = (await ada.get("/-/links?q=domain:go.example.com")).text
    assert 'data-row="abc"' in text
    assert 'data-row="own"' not in text
    assert "Clicks over time" in (await ada.get("/-/domains/go.example.com")).text
    assert '"taken"' in (await ada.get("/-/code?code=abc&domain=go.example.com")).text
    answer = await ada.post("/-/domains/go.example.com/remove", follow_redirects=True)
    assert "Removed" in answer.text


@pytest.mark.parametrize("host", ["", "localhost", "1.2.3.4", "co.uk", "sho.rt", "a b.example"])
async def test_a_host_that_cannot_be_a_domain_is_refused_beside_the_field(ada, host):
    answer = await ada.post("/-/domains", data={"host": host})
    assert answer.status_code == 422
    assert 'id="host-error"' in answer.text


async def test_a_destination_that_is_refused_stays_in_its_field(ada, names):
    name, value = record_of((await ada.post("/-/domains", data={"host": "go.example.com"}, follow_redirects=True)).text)
    names.records[name] = [value]
    await ada.post("/-/domains/go.example.com/verify")
    answer = await ada.post("/-/domains/go.example.com/settings", data={"root_url": "javascript:alert(1)"})
    assert answer.status_code == 422
    assert 'value="javascript:alert(1)"' in answer.text


async def test_only_owners_change_domains(ada, server, database):
    await ada.post("/-/domains", data={"host": "go.example.com"})
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE workspace_members SET role = 'editor'")
    text = (await ada.get("/-/domains")).text
    assert 'name="host"' not in text
    assert "/settings" not in text
    assert (await ada.get("/-/domains/go.example.com/settings")).status_code == 403
    for verb in ("settings", "verify", "remove"):
        assert (await ada.post(f"/-/domains/go.example.com/{verb}")).status_code == 403
    assert (await ada.post("/-/domains", data={"host": "go2.example.com"})).status_code == 403


async def test_domains_of_others_do_not_exist(ada, server):
    await ada.post("/-/domains", data={"host": "go.example.com"})
    await ada.post("/-/logout")
    await ada.post("/-/register", data={"email": "bob@example.com", "password": "a green whale cycles"})
    await log_in(ada, "bob@example.com", "a green whale cycles")
    for path in ("/-/domains/go.example.com", "/-/domains/go.example.com/settings"):
        assert (await ada.get(path)).status_code == 404
    assert "No domains yet" in (await ada.get("/-/domains")).text
