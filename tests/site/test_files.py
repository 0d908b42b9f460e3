"""The files that browsers and crawlers ask every site for."""

from urllib.robotparser import RobotFileParser

import pytest

from tests.conftest import create_link


@pytest.fixture
async def robots(client) -> RobotFileParser:
    parser = RobotFileParser()
    parser.parse((await client.get("/robots.txt")).text.splitlines())
    return parser


async def test_preview_agents_may_follow_short_links_and_nobody_may_crawl_api_and_pages(client, robots):
    await create_link(client, code="abc")
    for agent in ("Twitterbot", "LinkedInBot", "Googlebot", "*"):
        for path in ("/abc", "/abc+", "/-abc", "/api-of-ours"):
            assert robots.can_fetch(agent, path), path
        for path in ("/api/v1/links", "/-/", "/-/links", "/openapi.json", "/static/docs.js"):
            assert not robots.can_fetch(agent, path), path
    # A `$` ends a path (RFC 9309, 2.2.3), which Python's parser does not know: a code may begin with these words.
    text = (await client.get("/robots.txt")).text
    assert {"Disallow: /docs$", "Disallow: /redoc$"} <= set(text.splitlines())


@pytest.mark.parametrize(
    ("path", "media_type"), [("/robots.txt", "text/plain; charset=utf-8"), ("/favicon.ico", "image/x-icon")]
)
async def test_each_file_is_there_under_any_host_and_is_sent_once(client, path, media_type):
    answer = await client.get(path, headers={"Host": "elsewhere.example"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.head(path)).headers["content-length"] == str(len(answer.content))


async def test_the_icon_has_the_sizes_that_browsers_show(client):
    icon = (await client.get("/favicon.ico")).content
    count = int.from_bytes(icon[4:6], "little")
    assert icon[:4] == b"\0\0\1\0"
    assert [icon[6 + 16 * n] for n in range(count)] == [16, 32, 48]
