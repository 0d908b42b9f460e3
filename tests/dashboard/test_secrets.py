"""Pages with a new key or a new invitation."""

import asyncio
import re

import pytest

from tests.accounts.conftest import EMAIL
from tests.conftest import changed
from tests.dashboard.test_in_browser import carry, watched
from tests.dashboard.test_live import SPACE, person
from tests.serving import serving


async def reload(page) -> None:
    await page.reload()


async def leave_and_come_back(page) -> None:
    await page.click(".places >> text=Tags")
    await page.wait_for_url("**/-/tags")
    await page.go_back()


@pytest.mark.parametrize(
    ("field", "typed", "form"),
    [("#name", "CI", r"shr_\w{50}"), ("#email", "bob@example.com", r"shri_\w+")],
    ids=["key", "invitation"],
)
async def test_a_page_with_a_secret_is_neither_cached_nor_compressed_and_shows_it_once(
    browser, settings, field, typed, form
):
    with serving(changed(settings, **SPACE)) as site:
        ada = await asyncio.to_thread(person, site, EMAIL)
        workspace = ada.post("/-/workspaces", data={"name": "Marketing"}).headers["location"]
        path = "/-/keys" if field == "#name" else workspace
        async with watched(browser) as page:
            await carry(page.context, ada)
            for again in (reload, leave_and_come_back):
                await page.goto(site + path)
                await page.fill(field, typed)
                async with page.expect_response(lambda answer: answer.request.method == "POST") as made:
                    await page.press(field, "Enter")
                headers = await (await made.value).all_headers()
                assert headers["cache-control"] == "private, no-store"
                assert "content-encoding" not in headers
                secret = re.search(form, await page.inner_text(".secret code"))[0]
                await again(page)
                await page.wait_for_selector(field)
                assert page.url == site + path
                assert secret not in await page.content()
        for other in (path, "/-/keys", "/-/workspaces", "/-/account", "/-/", "/-/palette?q=CI"):
            listed = ada.get(other)
            assert listed.status_code == 200, other
            assert listed.headers["content-encoding"] == "gzip"
            assert secret not in listed.text, other
