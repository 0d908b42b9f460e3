"""Lists of links as files."""

import csv
import io

import orjson
import pytest

from tests.conftest import create_link

LINKS = "/api/v1/links"


@pytest.fixture(autouse=True)
def short_pages(monkeypatch):
    monkeypatch.setattr("shortener.links.export._ROWS_A_READ", 2)


async def test_a_file_has_all_links_of_the_list_in_its_order(client):
    for n in range(5):
        await create_link(client, code=f"code{n}", title=f"Title {n}", tags=["spring", "a b"])
    await create_link(client, code="other")
    query = {"tag": "spring", "sort": "code", "order": "asc"}
    listed = (await client.get(LINKS, params=query)).json()["items"]
    answer = await client.get(LINKS, params=query | {"format": "jsonl", "limit": 1})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert list(map(orjson.loads, answer.text.splitlines())) == listed
    answer = await client.get(LINKS, params=query | {"format": "csv"})
    assert answer.headers["content-disposition"] == 'attachment; filename="links.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["code"] for row in rows] == [f"code{n}" for n in range(5)]
    assert (rows[0]["title"], rows[0]["tags"], rows[0]["short_url"]) == (
        "Title 0",
        "a-b, spring",
        listed[0]["short_url"],
    )


async def test_no_cell_is_a_formula(client):
    await create_link(client, code="-1-2", title="=1+1", note="@x")
    text = (await client.get(LINKS, params={"format": "csv"})).text
    [row] = csv.DictReader(io.StringIO(text))
    assert (row["title"], row["note"], row["code"]) == ("'=1+1", "'@x", "'-1-2")


async def test_an_empty_list_is_a_file_with_a_header(client):
    assert (await client.get(LINKS, params={"format": "csv"})).text.startswith("url,code,title")
    assert (await client.get(LINKS, params={"format": "jsonl"})).text == ""
