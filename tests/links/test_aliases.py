"""Other codes for a link: renaming, aliases, replacing, restoring, and the id that stays."""

import asyncio

import pytest

from shortener.links import aliases, ids
from tests.conftest import create_link, eventually
from tests.links.test_api import LINKS, assert_problem
from tests.redirect.test_cache import two_apps

URL = "https://example.com/a"
OTHER = "https://example.com/b"


async def leads_to(client, code: str) -> str | None:
    return (await client.get(f"/{code}")).headers.get("location")


async def test_a_link_gets_another_code_and_the_old_one_goes_on_as_an_alias(client, drain):
    link = await create_link(client, URL, code="old")
    assert await leads_to(client, "old") == URL
    renamed = await client.patch(f"{LINKS}/old", json={"code": "newer"})
    assert (renamed.json()["code"], renamed.json()["id"]) == ("newer", link["id"])
    assert await leads_to(client, "old") == await leads_to(client, "newer") == URL
    await drain()
    assert (await client.get(f"{LINKS}/newer/stats")).json()["clicks"] == 3
    assert (await client.get(f"{LINKS}/old")).json()["code"] == "newer"
    items = (await client.get(f"{LINKS}/{link['id']}/aliases")).json()["items"]
    assert items == [{"code": "old", "domain": None, "short_url": "https://sho.rt/old"}]
    assert [item["code"] for item in (await client.get(LINKS)).json()["items"]] == ["newer"]


async def test_without_its_old_code_a_link_has_only_the_new_one_and_nobody_else_gets_the_old(client):
    await create_link(client, URL, code="old")
    await client.patch(f"{LINKS}/old", json={"code": "newer", "keep_old_code": False})
    assert_problem(await client.get("/old"), 410, "link-gone")
    assert_problem(await client.post(LINKS, json={"url": OTHER, "code": "old"}), 409, "code-taken")
    assert (await client.get(f"{LINKS}/newer/aliases")).json()["items"] == []
    assert (await client.patch(f"{LINKS}/newer", json={"code": "old"})).json()["code"] == "old"
    assert await leads_to(client, "old") == await leads_to(client, "newer") == URL


async def test_a_code_and_an_alias_can_change_places(client):
    await create_link(client, URL, code="one")
    await client.post(f"{LINKS}/one/aliases", json={"code": "two"})
    assert (await client.patch(f"{LINKS}/one", json={"code": "two"})).json()["code"] == "two"
    assert [item["code"] for item in (await client.get(f"{LINKS}/two/aliases")).json()["items"]] == ["one"]
    assert await leads_to(client, "one") == await leads_to(client, "two") == URL


async def test_a_code_that_somebody_has_is_refused_as_a_new_code_and_as_an_alias(client):
    await create_link(client, URL, code="one")
    await create_link(client, OTHER, code="two")
    await client.post(f"{LINKS}/two/aliases", json={"code": "three"})
    for code in ("two", "three", "one"):
        if code != "one":
            assert_problem(await client.patch(f"{LINKS}/one", json={"code": code}), 409, "code-taken")
        assert_problem(await client.post(f"{LINKS}/one/aliases", json={"code": code}), 409, "code-taken")
    assert_problem(await client.post(LINKS, json={"url": URL, "code": "three"}), 409, "code-taken")
    assert await leads_to(client, "one") == URL
    assert await leads_to(client, "three") == OTHER


async def test_of_many_who_want_a_code_at_once_one_gets_it(client):
    for n in range(4):
        await create_link(client, URL, code=f"link{n}")
    wanted = [
        *(client.post(f"{LINKS}/link{n}/aliases", json={"code": "wanted"}) for n in range(2)),
        *(client.patch(f"{LINKS}/link{n}", json={"code": "wanted"}) for n in (2, 3)),
        *(client.post(LINKS, json={"url": OTHER, "code": "wanted"}) for _ in range(2)),
    ]
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*wanted))
    assert statuses[0] in (200, 201)
    assert statuses[1:] == [409] * 5


async def test_an_alias_that_is_removed_is_gone_and_can_come_back(client):
    await create_link(client, URL, code="one")
    assert (await client.post(f"{LINKS}/one/aliases", json={"code": "two"})).status_code == 201
    assert await leads_to(client, "two") == URL
    assert (await client.delete(f"{LINKS}/one/aliases/two")).status_code == 204
    assert_problem(await client.get("/two"), 410, "link-gone")
    assert_problem(await client.delete(f"{LINKS}/one/aliases/two"), 404, "alias-not-found")
    assert (await client.post(f"{LINKS}/one/aliases", json={"code": "two"})).status_code == 201
    assert await leads_to(client, "two") == URL


async def test_a_change_of_the_link_holds_under_each_of_its_codes_in_every_process(settings):
    async with two_apps(settings) as (_, _, client, other):
        await create_link(client, URL, code="one")
        await client.post(f"{LINKS}/one/aliases", json={"code": "two"})
        assert await leads_to(other, "two") == URL
        await client.patch(f"{LINKS}/one", json={"url": OTHER})

        async def follows() -> bool:
            return await leads_to(other, "two") == OTHER

        assert await eventually(follows, within_s=1)
        await client.delete(f"{LINKS}/one")

        async def is_gone() -> bool:
            return (await other.get("/two")).status_code == 410

        assert await eventually(is_gone, within_s=1)


async def test_a_link_has_a_bounded_number_of_aliases(client, monkeypatch):
    monkeypatch.setattr(aliases, "MAX_ALIASES", 2)
    await create_link(client, URL, code="one")
    statuses = [(await client.post(f"{LINKS}/one/aliases", json={"code": f"alias{n}"})).status_code for n in range(3)]
    assert statuses == [201, 201, 409]
    assert_problem(await client.patch(f"{LINKS}/one", json={"code": "newer"}), 409, "too-many-aliases")
    assert await leads_to(client, "one") == URL


async def test_put_creates_a_link_and_then_replaces_it_whole(client):
    first = await client.put(f"{LINKS}/abc", json={"url": URL, "title": "A", "max_clicks": 9})
    again = await client.put(f"{LINKS}/abc", json={"url": URL, "title": "A", "max_clicks": 9})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    changed = await client.put(f"{LINKS}/abc", json={"url": OTHER, "forward_query": True})
    assert changed.json()["id"] == first.json()["id"]
    found = {name: changed.json()[name] for name in ("url", "title", "max_clicks", "forward_query")}
    assert found == {"url": OTHER, "title": None, "max_clicks": None, "forward_query": True}
    assert await leads_to(client, "abc") == OTHER


async def test_many_puts_at_once_make_one_link(client):
    answers = await asyncio.gather(*(client.put(f"{LINKS}/abc", json={"url": URL}) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_deleted_link_comes_back_with_all_that_it_had(client, drain):
    rule = {"name": "r", "if": [{"type": "country", "values": ["DE"]}], "url": OTHER}
    await create_link(client, URL, code="abc", title="T", rules=[rule], note="n", max_clicks=5)
    await client.post(f"{LINKS}/abc/aliases", json={"code": "alias"})
    await client.get("/abc")
    await drain()
    link = (await client.get(f"{LINKS}/abc")).json()
    await client.delete(f"{LINKS}/abc")
    assert (await client.get("/alias")).status_code == 410
    restored = (await client.post(f"{LINKS}/abc/restore")).json()
    assert restored == link | {"updated_at": restored["updated_at"]}
    assert restored["clicks"] == 1
    assert await leads_to(client, "abc") == await leads_to(client, "alias") == URL


async def test_what_is_not_deleted_or_was_never_a_link_cannot_be_restored(client):
    await create_link(client, URL, code="abc")
    await client.patch(f"{LINKS}/abc", json={"code": "newer", "keep_old_code": False})
    for code in ("abc", "newer", "nowhere", "lnk_5d4gp3m80p1f5"):
        assert_problem(await client.post(f"{LINKS}/{code}/restore"), 404, "link-not-found")


async def test_a_link_that_was_deleted_a_month_ago_stays_deleted(client, database):
    await create_link(client, URL, code="abc")
    await client.delete(f"{LINKS}/abc")
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE links SET deleted_at = now() - interval '30 days 1 minute'")
    assert_problem(await client.post(f"{LINKS}/abc/restore"), 404, "link-not-found")


async def test_the_id_stands_for_the_code_wherever_the_api_takes_one(client):
    link = await create_link(client, URL, code="abc")
    path = f"{LINKS}/{link['id']}"
    assert (await client.get(path)).json() == link
    assert (await client.get(f"{path}/stats")).json()["clicks"] == 0
    assert (await client.get(f"{path}/clicks")).json()["items"] == []
    assert (await client.patch(path, json={"title": "T"})).json()["title"] == "T"
    assert (await client.post(f"{path}/rules/test", json={})).json()["url"] == URL
    assert (await client.delete(path)).status_code == 204
    assert (await client.post(f"{path}/restore")).json()["code"] == "abc"


@pytest.mark.parametrize("number", [1, 2, 10**6, 2**40 + 7, 2**63 - 1])
def test_an_id_says_its_number_and_nothing_else_is_one(number):
    text = ids.link_id_of(number)
    assert ids.LINK_ID.fullmatch(text)
    assert ids.number_of(text) == number
    for other in (text[:-1], text + "0", text.upper(), "lnk_" + "u" * 13, "lnk_" + "z" * 13, "abc"):
        assert ids.number_of(other) is None
