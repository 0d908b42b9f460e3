"""Many links at once."""

import csv
import io
import re

import pytest

from tests.conftest import changed, client_of, create_link, running_app
from tests.dashboard.conftest import OWN, log_in
from tests.dashboard.test_in_browser import make, paste, site, watched

__all__ = ["site"]

LIST = "url,code,title\nexample.com/1,one,First\nexample.com/2,taken,Second\nno url,,\n"


async def check(page, text: str = LIST, **fields: str):
    return await page.post("/-/import", files={name: (None, value) for name, value in {"text": text, **fields}.items()})


def form_of(html: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html))


async def test_a_list_row_that_cannot_be_made_says_why_and_keeps_no_other_from_being_made(page):
    await create_link(page, code="taken")
    preview = await check(page)
    assert "1 link can be made" in preview.text
    assert "2 cannot" in preview.text
    assert "This code is taken." in preview.text
    assert (await page.get("/api/v1/links/one")).status_code == 404
    sent = {"text": LIST, **form_of(preview.text)}
    results = await page.post("/-/import/make", data=sent, follow_redirects=True)
    assert (await page.get("/api/v1/links/one")).json()["title"] == "First"
    assert "https://sho.rt/one" in results.text
    assert "This code is taken." in results.text
    made = (await page.get(f"{results.url.path}/links.csv")).text
    assert made.splitlines() == ["short_url,url,code,title", "https://sho.rt/one,example.com/1,one,First"]
    failed = list(csv.DictReader(io.StringIO((await page.get(f"{results.url.path}/failed.csv")).text)))
    assert [row["url"] for row in failed] == ["example.com/2", "no url"]
    assert failed[0]["reason"] == "This code is taken."


async def test_a_list_that_is_sent_twice_is_made_once(page):
    sent = {"text": "example.com/1\nexample.com/2", **form_of((await check(page, "example.com/1\nexample.com/2")).text)}
    first, second = [await page.post("/-/import/make", data=sent) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]
    assert (await page.get("/api/v1/links")).json()["total"] == 2


async def test_a_file_is_read_whatever_wrote_it(page):
    file = ("links.csv", "url;title\r\nexample.com/1;Größe\r\n".encode("utf-16"), "text/csv")
    answer = await page.post("/-/import", files={"file": file})
    assert "1 link can be made" in answer.text
    assert "Größe" in answer.text


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"text": (None, " ")}, "There is no row in the list."),
        ({"file": ("a.png", b"\x89PNG\r\n", "image/png")}, "not a text in UTF-8"),
        ({"text": (None, "example.com\n" * 1001)}, "1,001 rows"),
    ],
)
async def test_a_list_that_cannot_be_read_is_refused_in_a_sentence(page, files, said):
    answer = await page.post("/-/import", files=files)
    assert answer.status_code == 422
    assert said in answer.text


async def test_a_list_that_is_too_large_is_refused_before_it_is_read(page):
    assert (await check(page, "a" * 3_000_000)).status_code == 413


async def test_results_are_seen_by_nobody_else(ada, server):
    answer = await ada.post("/-/import/make", data={"text": "example.com/1", "key": "k" * 22})
    path = answer.headers["location"]
    assert (await ada.get(path)).status_code == 200
    async with client_of(server, headers=OWN) as other:
        await other.post("/-/register", data={"email": "bob@example.com", "password": "a green whale cycles"})
        await log_in(other, "bob@example.com", "a green whale cycles")
        for of_them in (path, f"{path}/links.csv", f"{path}/failed.csv"):
            assert (await other.get(of_them)).status_code == 404


async def test_a_viewer_cannot_make_a_list(ada, database):
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE workspace_members SET role = 'viewer'")
    for answer in (await ada.get("/-/import"), await check(ada, "example.com/1")):
        assert answer.status_code == 403


async def test_the_list_is_a_file_and_can_be_read_in_again(page):
    await create_link(page, code="one", title="=1+1", url="https://example.com/1")
    await create_link(page, code="two")
    text = (await page.get("/-/export", params={"q": "one"})).text
    assert "two" not in text
    await page.delete("/api/v1/links/one")
    answer = await check(page, text)
    assert "=1+1" in answer.text
    assert (await page.get("/-/export?format=jsonl")).headers["content-type"] == "application/x-ndjson"


async def test_bytes_of_lists_are_limited(settings):
    async with (
        running_app(changed(settings, limit_api_bytes="1KB/minute")) as app,
        client_of(app, headers=OWN | {"Accept": "text/html"}) as client,
    ):
        assert [(await check(client, "a" * 2000)).status_code for _ in range(2)] == [200, 429]


async def test_several_pasted_lines_become_a_list_to_check(browser, site):
    make(site, code="taken")
    async with watched(browser) as page:
        await page.goto(site)
        await paste(page, "example.com/1\nexample.com/2")
        await page.wait_for_selector("text=2 links can be made")
        await page.click("#list button.primary")
        await page.wait_for_selector("text=2 links made")
        await page.reload()
        assert await page.locator(".sheet-rows .short").count() == 2


async def test_a_file_that_is_dropped_is_checked_and_a_list_needs_no_script(browser, site):
    async with watched(browser) as page:
        await page.goto(f"{site}/-/import")
        await page.evaluate(
            """() => { const data = new DataTransfer(); data.items.add(new File(["example.com/1"], "a.csv"));
            const drop = { dataTransfer: data, bubbles: true, cancelable: true };
            document.body.dispatchEvent(new DragEvent("drop", drop)); }"""
        )
        await page.wait_for_selector("text=1 link can be made")
    async with watched(browser, java_script_enabled=False) as page:
        await page.goto(f"{site}/-/import")
        await page.fill("#text", "example.com/plain;plain")
        await page.click("text=Check the list")
        await page.click("text=Make 1 link")
        # The address and a link to its page.
        await page.wait_for_selector("text=/plain >> nth=1")
        assert await page.locator("text=/plain").count() == 2
