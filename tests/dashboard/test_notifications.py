"""The bell, and the page behind it."""

import re
from typing import Any

import pytest

from shortener.stores.parts import DATABASE

HERE = "/-/notifications"


@pytest.fixture
async def tell(ada, server):
    """Notify Ada of something."""

    async def tell(kind: str, key: str = "", **fields: Any) -> None:
        names = ", ".join(fields)
        places = ", ".join(f"${n}" for n in range(3, len(fields) + 3))
        async with server.state.parts[DATABASE].driver_connection() as connection:
            await connection.execute(
                f"INSERT INTO notifications (user_id, kind, key{', ' if names else ''}{names}) "
                f"SELECT id, $1, $2{', ' if names else ''}{places} FROM users",
                kind,
                key or kind,
                *fields.values(),
            )

    return tell


def bell_of(text: str) -> str:
    """What the bell says."""
    found = re.search(r'id="bell"[^>]*aria-label="([^"]*)"', text)
    return found[1] if found else ""


async def make(ada, server, **fields: str) -> int:
    """The number of a link of Ada's."""
    made = await ada.post("/-/new", data={"url": "https://example.com/", **fields})
    assert made.status_code == 303, made.text
    async with server.state.parts[DATABASE].driver_connection() as connection:
        return await connection.fetchval("SELECT max(id) FROM links")


async def test_the_bell_counts_what_is_unread_on_each_page(ada, tell):
    assert bell_of((await ada.get("/-/")).text) == "Notifications"
    await tell("expired")
    await tell("reported")
    for path in ("/-/", "/-/links", "/-/account", HERE):
        assert bell_of((await ada.get(path)).text) == "Notifications: 2 unread", path


async def test_only_who_is_logged_in_has_a_bell(page, visitor):
    assert not bell_of((await page.get("/-/")).text)
    assert not bell_of((await visitor.get("/-/login")).text)
    assert (await visitor.get(HERE)).headers["location"].startswith("/-/login?")


async def test_one_or_all_are_read_without_a_script(ada, tell):
    for kind in ("expired", "reported", "used_up"):
        await tell(kind)
    shown = (await ada.get(HERE)).text
    [first, *_] = re.findall(r'name="id" value="([^"]+)"', shown)
    assert bell_of((await ada.post(f"{HERE}/read", data={"id": first}, follow_redirects=True)).text).endswith(
        "2 unread"
    )
    assert first not in (await ada.get(f"{HERE}?unread=1")).text
    assert bell_of((await ada.post(f"{HERE}/read", follow_redirects=True)).text) == "Notifications"
    assert "All read" in (await ada.get(f"{HERE}?unread=1")).text


async def test_news_name_their_link_and_lead_to_its_page(ada, server, tell):
    number = await make(ada, server, code="sale", title="<b>Sale</b>")
    await tell("clicks", link_id=number, clicks=1000)
    await tell("mentioned", link_id=number)
    await tell("invited")
    shown = (await ada.get(HERE, headers={"Accept-Language": "en"})).text
    assert "&lt;b&gt;Sale&lt;/b&gt;" in shown
    assert "<b>Sale</b>" not in shown
    assert "1,000 clicks" in shown
    for place in ("/-/links/sale", "/-/links/sale/comments", "/-/workspaces"):
        assert f'<a class="title" href="{place}">' in shown


async def test_a_list_that_is_longer_than_a_page_is_read_page_by_page(ada, tell):
    for n in range(25):
        await tell("expired", str(n))
    first = (await ada.get(HERE)).text
    assert first.count("data-unread") == 20
    path = re.search(r'rel="next" href="([^"]+)"', first)[1]
    assert (await ada.get(path)).text.count("data-unread") == 5


async def test_what_one_does_not_want_to_hear_of_is_no_longer_told(ada):
    before = (await ada.get(HERE)).text
    assert before.count("checked>") == 9
    saved = await ada.post(f"{HERE}/settings", data={"mentioned": "on"}, follow_redirects=True)
    assert re.findall(r'name="(\w+)" checked', saved.text) == ["mentioned"]


async def test_a_request_for_the_bell_gives_nothing_else(ada, tell):
    await tell("expired")
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "a#bell"}
    part = (await ada.get(HERE, headers=headers)).text.strip()
    assert part.startswith('<a id="bell"')
    assert part.endswith("</a>")
