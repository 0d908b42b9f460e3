"""Tags in forms and lists, and their own pages."""

import pytest

from tests.conftest import create_link
from tests.dashboard.test_in_browser import make, site, watched

__all__ = ["site"]


async def names(page) -> set[str]:
    return {tag["name"] for tag in (await page.get("/api/v1/tags", params={"workspace": "anonymous"})).json()["items"]}


async def test_a_tag_is_renamed_and_coloured_and_its_links_keep_it(page):
    await create_link(page, code="abc", tags=["spring"])
    fields = {"name": "Spring Sale", "description": "All of it", "color": "#2e8540"}
    answer = await page.post("/-/tags/spring/edit", data=fields, follow_redirects=True)
    assert "spring-sale saved" in answer.text
    assert "All of it" in answer.text
    assert (await page.get("/api/v1/links/abc")).json()["tags"] == ["spring-sale"]
    assert 'fill="#2e8540"' in (await page.get("/-/links")).text


async def test_a_tag_is_merged_and_deleted(page):
    await create_link(page, code="abc", tags=["one", "two", "three"])
    await page.post("/-/tags/one/merge", data={"into": "Two"})
    assert await names(page) == {"two", "three"}
    await page.post("/-/tags/three/delete")
    assert (await page.get("/api/v1/links/abc")).json()["tags"] == ["two"]


@pytest.mark.parametrize(
    ("verb", "fields", "said"),
    [
        ("edit", {"name": "two"}, "There is such a tag already."),
        ("edit", {"name": ""}, "error"),
        ("edit", {"name": "one", "color": "red"}, "error"),
        ("merge", {"into": "nowhere"}, "The workspace has no such tag."),
        ("merge", {"into": "one"}, "error"),
    ],
)
async def test_what_a_tag_cannot_be_is_said_beside_the_field(page, verb, fields, said):
    await create_link(page, code="abc", tags=["one", "two"])
    answer = await page.post(f"/-/tags/one/{verb}", data=fields)
    assert answer.status_code == 422
    assert said in answer.text
    assert await names(page) == {"one", "two"}


async def test_tags_are_listed_with_their_links_and_lead_to_their_figures(page):
    assert "No tags yet" in (await page.get("/-/tags")).text
    await create_link(page, code="abc", tags=["one", "c++", "a/b".replace("/", "-")])
    text = (await page.get("/-/tags")).text
    assert 'href="/-/tags/c%2B%2B"' in text
    assert 'data-row="one"' not in (await page.get("/-/tags?q=b")).text
    assert "Nothing matches" in (await page.get("/-/tags?q=x")).text
    assert "Clicks over time" in (await page.get("/-/tags/c%2B%2B?compare=year")).text
    for path in ("/-/tags/none", "/-/tags/none/edit"):
        assert (await page.get(path)).status_code == 404


async def test_a_viewer_sees_tags_and_changes_none(ada, database):
    await ada.post("/-/new", data={"url": "https://example.com/", "tags": "one"})
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE workspace_members SET role = 'viewer'")
    text = (await ada.get("/-/tags")).text
    assert "one" in text
    assert "/edit" not in text
    assert (await ada.get("/-/tags/one/edit")).status_code == 403
    for verb in ("edit", "merge", "delete"):
        answer = await ada.post(f"/-/tags/one/{verb}", data={"name": "x", "into": "y"})
        assert answer.status_code in (403, 422)
        assert "only lets you read" in answer.text


async def test_known_tags_complete_what_is_typed(browser, site):
    make(site, code="abc", tags=["spring", "print"])
    async with watched(browser) as page:
        await page.goto(f"{site}/-/new")
        await page.fill("#tags", "print, s")
        await page.wait_for_selector("#known-tags option", state="attached")
        options = await page.eval_on_selector_all("#known-tags option", "all => all.map(each => each.value)")
        assert options == ["print, spring"]
