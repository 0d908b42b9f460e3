"""A click says whether it came by a QR code. The destination does not see the parameter."""

import pytest

from shortener.clicks.event import Click, Source
from shortener.clicks.stream import STREAM, ClickStream, Entry, Sealer
from shortener.redirect.source import source_of, without_source
from tests.conftest import SECRET, create_link


async def clicks_in(redis) -> list[Click]:
    stream = ClickStream(redis, Sealer(SECRET))
    entries = [Entry(*entry) for entry in await redis.xrange(STREAM)]
    return [click for entry in entries for click in stream.open(entry).clicks]


async def test_a_click_says_whether_it_came_by_a_qr_code(client, redis):
    await create_link(client, code="plain")
    await create_link(client, code="ruled", forward_query=True)
    for code in ("plain", "ruled"):
        for query in ("", "?qr", "?qr=", "?utm_source=x&qr", "?qr=1", "?qrs", "?QR"):
            assert (await client.get(f"/{code}{query}")).status_code == 302
    link, code = Source.LINK, Source.QR
    assert [click.source for click in await clicks_in(redis)] == [link, code, code, code, link, link, link] * 2


async def test_the_destination_gets_every_parameter_but_that_of_the_qr_code(client):
    await create_link(client, "https://example.com/?own=1", code="abc", forward_query=True)
    for query, forwarded in (("qr", ""), ("qr=", ""), ("a=b&qr&c", "&a=b&c"), ("qr=5", "&qr=5"), ("x=qr", "&x=qr")):
        answer = await client.get(f"/abc?{query}")
        assert answer.headers["location"] == f"https://example.com/?own=1{forwarded}"


async def test_a_click_behind_a_warning_still_came_by_the_qr_code(client, redis):
    await create_link(client, "https://аpple.com/", code="fruit")
    for query in ("?qr", ""):
        warning = (await client.get(f"/fruit{query}")).json()
        assert (await client.get(warning["continue_url"])).status_code == 302
    assert [click.source for click in await clicks_in(redis)] == [Source.QR, Source.LINK]


@pytest.mark.parametrize("query", ["", "&", "qr&qr", "&qr&", "q=r", "%71r"])
def test_what_is_recognized_is_what_is_left_out(query):
    assert (source_of(query.encode()) is Source.QR) == ("qr" in query.split("&"))
    assert "qr" not in without_source(query).split("&")
