"""A dry run of a bulk creation answers what would be created, and creates nothing."""

from sqlalchemy import func, select

from shortener.tags.models import Tag
from tests.conftest import create_link
from tests.links.test_api import LINKS, URL, count_links
from tests.links.test_bulk import BULK, statuses


async def dry_run(client, *links: dict, **headers: str) -> dict:
    answer = await client.post(BULK, json={"links": links, "dry_run": True}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_each_link_gets_the_result_that_it_would_get_and_nothing_is_made(client, database):
    await create_link(client, code="taken")
    links = [
        {"url": URL, "code": "mine", "title": "One", "tags": ["new"]},
        {"url": URL, "code": "taken"},
        {"url": URL, "code": "mine"},
        {"url": "no url"},
        {"url": URL},
    ]
    answer = await dry_run(client, *links)
    assert statuses(answer) == [201, 409, 409, 422, 201]
    assert (answer["created"], answer["failed"]) == (2, 3)
    assert await count_links(database) == 1
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(Tag)) == 0
    real = (await client.post(BULK, json={"links": links})).json()
    for would_be, made in zip(answer["results"], real["results"], strict=True):
        given = {"id", "created_at", "updated_at"} | (
            set() if would_be.get("link", {}).get("code") else {"code", "short_url"}
        )
        assert would_be.get("problem") == made.get("problem")
        for name, value in would_be.get("link", {}).items():
            assert name in given or value == made["link"][name]


async def test_what_would_be_generated_is_null(client):
    answer = await dry_run(client, {"url": URL}, {"url": URL, "code": "mine"})
    generated, chosen = (result["link"] for result in answer["results"])
    assert (generated["id"], generated["code"], generated["short_url"]) == (None, None, None)
    assert (chosen["id"], chosen["code"], chosen["short_url"][-5:]) == (None, "mine", "/mine")
    assert (await client.get("/mine")).status_code == 404


async def test_a_dry_run_does_not_use_up_an_idempotency_key(client):
    key = {"Idempotency-Key": "one"}
    links = [{"url": URL, "code": "mine"}]
    await dry_run(client, *links, **key)
    made = await client.post(BULK, json={"links": links}, headers=key)
    assert statuses(made.json()) == [201]
    assert (await client.get(f"{LINKS}/mine")).status_code == 200
