"""The page of a link's comments, without a script."""

import re

import httpx
import pytest

from tests.accounts.conftest import PASSWORD
from tests.conftest import client_of
from tests.dashboard.conftest import OWN, log_in

HERE = "/-/links/sale/comments"
HOSTILE = '"><img src=x onerror=alert(1)></textarea><script>alert(2)</script>{{7*7}}'


@pytest.fixture
async def bob(ada, server):
    """Bob's browser. He is a member of the workspace of Ada's that has the link."""
    async with client_of(server, headers=OWN | {"Accept": "text/html"}) as bob:
        who = {"email": "bob@example.com", "password": PASSWORD}
        await bob.post("/-/register", data=who)
        await log_in(bob, **who)
        place = (await ada.post("/-/workspaces", data={"name": "Marketing"})).headers["location"]
        made = await ada.post(f"{place}/invitations", data={"email": who["email"], "role": "viewer"})
        token = re.search(r"/-/join#(shri_\w+)", made.text)[1]
        assert (await bob.post("/-/join", data={"invitation": token, "yes": "1"})).status_code == 303
        fields = {"url": "https://example.com/", "code": "sale", "workspace": place.rpartition("/")[2]}
        assert (await ada.post("/-/new", data=fields)).status_code == 303
        yield bob


async def write(browser: httpx.AsyncClient, text: str) -> str:
    """The page afterwards."""
    answer = await browser.post(HERE, data={"text": text}, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer.text


def id_in(page: str) -> str:
    """The newest comment."""
    return re.search(r'id="c-([0-9a-f-]+)"', page)[1]


async def test_members_talk_and_each_changes_and_deletes_their_own(ada, bob):
    mine = id_in(await write(ada, "One"))
    await write(bob, "Two")
    shown = (await ada.get(HERE)).text
    assert shown.index("Two") < shown.index("One")
    assert set(re.findall(r"comments/([0-9a-f-]{36})/", shown)) == {mine}
    changed = await ada.post(f"{HERE}/{mine}/edit", data={"text": "Three"}, follow_redirects=True)
    assert "Three" in changed.text
    assert "edited" in changed.text
    for verb in ("edit", "delete"):
        assert (await bob.post(f"{HERE}/{mine}/{verb}", data={"text": "Bob was here"})).status_code == 403
    deleted = await ada.post(f"{HERE}/{mine}/delete", follow_redirects=True)
    assert "Comment deleted" in deleted.text
    assert f'id="c-{mine}"' not in deleted.text


async def test_comments_of_others_are_marked_until_they_are_read(ada, bob):
    await write(ada, "Mine")
    for text in ("One", "Two"):
        await write(bob, text)
    figures = (await ada.get("/-/links/sale")).text
    assert re.search(r'class="badge">2<', figures)
    shown = (await ada.get(HERE)).text
    assert shown.count('class="unread"') == 2
    until = re.search(r'name="until" value="([^"]+)"', shown)[1]
    read = await ada.post(f"{HERE}/read", data={"until": until}, follow_redirects=True)
    assert 'class="unread"' not in read.text
    assert "badge" not in (await ada.get("/-/links/sale")).text


async def test_a_mention_stands_out_and_rings_the_bell(ada, bob):
    shown = await write(ada, "@bob, look at this, @nobody")
    assert '<b class="mention">@bob</b>, look' in shown
    assert shown.count("mention") == 1
    # The other one is of the invitation.
    assert "Notifications: 2 unread" in (await bob.get("/-/")).text
    assert f'href="{HERE}"' in (await bob.get("/-/notifications")).text


async def test_a_hostile_comment_is_text(ada, bob):
    shown = await write(ada, HOSTILE)
    assert "<img" not in shown.partition("<main")[2]
    assert "<script>alert" not in shown
    assert "{{7*7}}" in shown


@pytest.mark.parametrize("text", ["", " ", "x" * 2001])
async def test_what_cannot_be_a_comment_stays_in_the_form_with_the_reason(ada, bob, text):
    answer = await ada.post(HERE, data={"text": text})
    assert answer.status_code == 422
    assert 'id="text-error"' in answer.text
    assert text.strip() in answer.text


async def test_long_talks_are_read_page_by_page(ada, bob):
    for n in range(21):
        await write(ada, f"Number {n}")
    first = (await ada.get(HERE)).text
    assert first.count("data-comment") == 20
    path = re.search(r'rel="next" href="([^"]+)"', first)[1]
    assert "Number 0" in (await ada.get(path)).text


async def test_a_machine_without_accounts_has_no_comments(page):
    await page.post("/-/new", data={"url": "https://example.com/", "code": "sale"})
    assert "comments" not in (await page.get("/-/links/sale")).text
    assert (await page.get(HERE)).headers["location"].startswith("/-/login")
