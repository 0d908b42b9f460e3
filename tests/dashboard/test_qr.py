"""The picture of a link's code, as its page gives it for print."""

import itertools

from tests.conftest import create_link
from tests.qr.reading import read

SIZES, LEVELS = (256, 512, 1024, 2048), "LMQH"
COLORS = (("#000000", "#ffffff"), ("#1a3a6b", "#fdf6e3"), ("#7a0019", "#ffffff"))


async def test_a_qr_code_in_every_size_colour_and_correction_is_read_back_as_the_short_link(page):
    link = await create_link(page, code="abc")
    for (size, level), (color, background) in zip(
        itertools.product(SIZES, LEVELS), itertools.cycle(COLORS), strict=False
    ):
        look = {"size": size, "error_correction": level, "color": color, "background": background}
        for kind in ("png", "svg"):
            answer = await page.get(f"/-/links/abc/qr.{kind}", params=look)
            assert answer.status_code == 200, look
            assert read(answer.content) == (f"{link['short_url']}?qr", level), look


async def test_colours_that_cannot_be_scanned_are_refused_on_the_page(page):
    await create_link(page, code="abc")
    asked = await page.get("/-/links/abc/qr", params={"color": "#ffff00", "background": "#ffffff"})
    assert "contrast" in asked.text.lower()
    refused = await page.get("/-/links/abc/qr.png", params={"color": "#ffff00", "background": "#ffffff"})
    assert refused.status_code == 422
