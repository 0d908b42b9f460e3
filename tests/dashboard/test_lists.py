"""Lists in a real browser: coming back to them, and taking back what was done to many links."""

import httpx

from shortener.clicks.event import new_batch
from tests.clicks.make import click, rows_of, write
from tests.conftest import eventually
from tests.dashboard.test_in_browser import make_many, site, watched
from tests.serving import PATIENCE_S

__all__ = ["site"]

URL = "https://example.com/"

PLACE = "({ scroll: scrollY, row: document.activeElement.closest('[data-row]')?.dataset.row })"
ROWS = "[...document.querySelectorAll('[data-row]')].map((row) => row.dataset.row)"


async def test_back_leads_to_the_same_row_of_the_same_list(browser, site):
    """The second page of a search in another order; by keys and by a click."""
    make_many(site, [{"url": URL, "code": f"link-{n:02}", "title": f"Spring {n}"} for n in range(75)])
    async with watched(browser, viewport={"width": 1000, "height": 500}) as page:
        await page.goto(f"{site}/-/links?sort=title&order=asc")
        await page.fill("#q", "spring")
        await page.wait_for_url("**q=spring**")
        await page.click("[data-next]")
        await page.wait_for_url("**cursor=**")
        listed, address = await page.evaluate(ROWS), page.url
        for _ in range(15):
            await page.keyboard.press("j")
        for leave in ("Enter", "e", "click"):
            before = await page.evaluate(PLACE)
            assert before["scroll"] > 0
            assert before["row"] == listed[14]
            if leave == "click":
                await page.click(f'[data-row="{before["row"]}"] .clicks')
            else:
                await page.keyboard.press(leave)
            await page.wait_for_url(f"**/-/links/{before['row']}**")
            await page.go_back()
            assert page.url == address
            assert await page.evaluate(ROWS) == listed

            async def is_there(before=before) -> bool:
                return await page.evaluate(PLACE) == before

            await eventually(is_there)


async def test_deleting_fifty_links_can_be_undone_with_one_click_and_figures_and_codes_are_as_before(
    browser, site, database
):
    """Codes are as long as can be; links differ in what is known of them; one was taken down before."""
    codes = [f"{n:02}-{'x' * 61}" for n in range(50)]
    made = [
        {"url": f"{URL}{n}", "code": code, "title": f"Spring {n}", "tags": ["spring"]} for n, code in enumerate(codes)
    ]
    make_many(site, [*made, {"url": URL, "code": "stays", "title": "Another"}])
    ids = dict(await rows_of(database, "SELECT code, id FROM links"))
    await write(database, new_batch([click(ids[code]) for n, code in enumerate(codes) for _ in range(n % 3)]))
    async with httpx.AsyncClient(base_url=site, timeout=PATIENCE_S) as api, watched(browser) as page:
        (await api.post(f"/api/v1/links/{codes[0]}/aliases", json={"code": "alias"})).raise_for_status()
        (await api.patch(f"/api/v1/links/{codes[1]}", json={"disabled": True})).raise_for_status()

        async def followed() -> list[tuple[int, str | None]]:
            answers = [await api.head(f"/{code}") for code in (*codes[:6], "alias")]
            return [(answer.status_code, answer.headers.get("location")) for answer in answers]

        async def known() -> tuple:
            """What lists, figures and visitors see; each change has a time of its own."""
            items = (await api.get("/api/v1/links?limit=100&q=spring&include=sparkline")).json()["items"]
            figures = [(await api.get(f"/api/v1/links/{code}/stats")).json() for code in codes[:6]]
            return (
                [item | {"updated_at": None} for item in items],
                [figure["clicks"] for figure in figures],
                await followed(),
            )

        before = await known()
        assert len(before[0]) == 50
        assert before[1] == [0, 1, 2] * 2
        await page.goto(f"{site}/-/links?q=spring&sort=clicks")
        listed, address = await page.evaluate(ROWS), page.url
        await page.check("[data-all]")
        await page.click("#bulk button.danger")
        await page.wait_for_selector("text=50 links deleted")
        assert await page.locator("[data-row]").count() == 0
        assert {status for status, _ in await followed()} == {410}
        await page.click("[data-undo]")
        await page.wait_for_selector("text=50 links are back")
        assert await page.evaluate(ROWS) == listed
        assert page.url == address
        assert await known() == before
