"""The most expensive requests about links, their figures, tags and pictures."""

import io
import json
import secrets
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from PIL import Image

from shortener.comments.schemas import MAX_TEXT
from shortener.figures.spans import MAX_BUCKETS
from shortener.links.conditions import MAX_RULES, MAX_VALUES_OF_LINK
from shortener.links.many_api import MAX_BULK_BODY_BYTES
from shortener.links.schemas import MAX_BULK, MAX_TITLE
from shortener.qr.logos import MAX_LOGO_BYTES
from shortener.qr.look import MAX_SIZE
from shortener.screening.destinations import MAX_LENGTH
from shortener.tags.names import MAX_NAME, MAX_TAGS_OF_LINK
from tests.load.costly.world import ADMIN, BUSY, FAR, LONG, PARAMETERS, Act, World, all_pages, long_url, number


def long_links(count: int) -> list[dict[str, Any]]:
    return [{"url": long_url(), "title": "ü" * MAX_TITLE} for _ in range(count)]


def escaped_body() -> bytes:
    """As many of the longest URLs as a body has room for when each character is written as six."""
    link = b'{"url":"https://example.com/%b"}' % (b"\\u0061" * (MAX_LENGTH - 30))
    return b'{"links":[%b]}' % b",".join([link] * (MAX_BULK_BODY_BYTES // len(link) - 1))


def create_links(world: World) -> None:
    world.post("/links/bulk", links=long_links(MAX_BULK))
    world.post("/links/bulk", links=long_links(MAX_BULK), dry_run=True)
    # Listing faults takes longer than creating links: each link has as many faults as are listed.
    world.post("/links/bulk", links=[dict.fromkeys(map(str, range(20)), 1)] * MAX_BULK)
    world.ask("POST", "/api/v1/links/bulk", content=escaped_body(), headers={"Content-Type": "application/json"})
    world.post("/links/bulk", links=[{"url": f"https://bücher.example:8080/{n}/ü"} for n in range(MAX_BULK)])


def create_links_again(world: World) -> None:
    body = json.dumps({"links": long_links(MAX_BULK)}).encode()
    headers = {"Idempotency-Key": number(), "Content-Type": "application/json"}
    first, again = (world.ask("POST", "/api/v1/links/bulk", content=body, headers=headers) for _ in range(2))
    assert first.content == again.content


def create_links_reused(world: World) -> None:
    """To one URL that has more links than are compared, and to a thousand URLs, long and short, that have one each."""
    url = long_url()
    for time in ("first", "second"):
        titles = [f"{time} {n}" for n in range(MAX_BULK)]
        world.post("/links/bulk", links=[{"url": url, "title": title, "reuse": True} for title in titles])
    short = [{"url": f"https://example.com/{n}"} for n in range(MAX_BULK)]
    for urls in (long_links(MAX_BULK), short):
        links = [{**link, "reuse": True} for link in urls]
        for _ in range(2):
            world.post("/links/bulk", links=links)


def create_link(world: World) -> None:
    world.post("/links", url=long_url(), title="ü" * MAX_TITLE)
    world.post("/links", url="https://ü.example/" + "ü" * 1300, expires_at="2999-01-01T00:00:00Z")
    world.post("/links", url=long_url(), title="ü" * MAX_TITLE, reuse=True)
    world.flood("POST", "/links")


def change_link(world: World) -> None:
    body = {"url": long_url(), "title": "ü" * MAX_TITLE, "expires_at": "2999-01-01T00:00:00Z", "disabled": False}
    world.ask("PATCH", f"/api/v1/links/{LONG}", json=body)
    world.flood("PATCH", f"/links/{LONG}")


def delete_link(world: World) -> None:
    code = world.post("/links", url=long_url())["code"]
    world.ask("DELETE", f"/api/v1/links/{code}")


def domains(world: World) -> None:
    host = f"d{number()}.example.com"
    world.post("/domains", host=host)
    world.post(f"/admin/domains/{host}/verify")
    world.post(f"/domains/{host}/verify")
    urls = {name: long_url() for name in ("root_url", "not_found_url", "expired_url")}
    world.ask("PATCH", f"/api/v1/domains/{host}", json=urls)
    for path in ("", f"/{host}", f"/{host}/stats", f"/{host}/stats/referrers", f"/allowed?domain={host}"):
        world.ask("GET", f"/api/v1/domains{path}")
    world.ask("DELETE", f"/api/v1/domains/{host}")


def many_rules() -> list[dict[str, object]]:
    """As many rules, conditions and values as a link may have, of the kind that takes longest to read, and as many
    bytes as a body has room for."""
    counts = [MAX_VALUES_OF_LINK // MAX_RULES] * MAX_RULES
    return [
        {
            "name": f"r{rule}",
            "if": [{"type": "network", "values": [f"2001:db8:{rule}:{n}::/64" for n in range(count)]}],
            "url": "https://example.com/".ljust(700, "a"),
        }
        for rule, count in enumerate(counts)
    ]


def put_link(world: World) -> None:
    code = world.post("/links", url=long_url())["code"]
    world.ask("PUT", f"/api/v1/links/{code}", json={"url": long_url(), "rules": many_rules()})


def restore_link(world: World) -> None:
    code = world.post("/links", url=long_url(), rules=many_rules())["code"]
    world.ask("DELETE", f"/api/v1/links/{code}")
    world.ask("POST", f"/api/v1/links/{code}/restore")


def add_and_remove_alias(world: World) -> None:
    code = world.post("/links", url=long_url())["code"]
    world.post(f"/links/{code}/aliases", code=f"{code}-alias")
    world.ask("DELETE", f"/api/v1/links/{code}/aliases/{code}-alias")


def test_rules(world: World) -> None:
    code = world.post("/links", url=long_url(), rules=many_rules())["code"]
    world.post(f"/links/{code}/rules/test", address="203.0.113.7", headers={"Accept-Language": "x," * 2000})


def change_links(world: World) -> None:
    made = world.post("/links/bulk", links=[{"url": long_url(), "tags": ["old"]} for _ in range(MAX_BULK)])
    chosen = {"codes": [result["link"]["code"] for result in made["results"]]}
    body = chosen | {"set": {"title": "ü" * MAX_TITLE}, "add_tags": many_tags(), "remove_tags": ["old"]}
    world.ask("PATCH", "/api/v1/links/bulk", json=body)
    world.ask("DELETE", "/api/v1/links/bulk", json=chosen)


def many_tags(*own: str, link: int = 0) -> list[str]:
    """As many, and as long ones, as a link may have. All but `own` are the same for the same number of a link, because
    a workspace has room for some thousands."""
    return [*own, *(f"{link}-{n}".ljust(MAX_NAME, "ü") for n in range(MAX_TAGS_OF_LINK - len(own)))]


def all_tags(world: World) -> None:
    world.post("/links/bulk", links=[{"url": long_url(), "tags": many_tags(link=n)} for n in range(100)])
    all_pages("/tags", sort="links", q="ü")(world)


def change_tag(world: World) -> None:
    tag = number()
    world.post("/links", url=long_url(), tags=many_tags(tag))
    world.ask("PATCH", f"/api/v1/tags/{tag}", json={"description": "ü" * 300, "color": "#123456"})
    world.flood("PATCH", f"/tags/{tag}")
    world.ask("DELETE", f"/api/v1/tags/{tag}")


def merge_and_delete_tag(world: World) -> None:
    one, other = number(), number()
    world.post("/links", url=long_url(), tags=many_tags(one, other))
    world.post(f"/tags/{one}/merge", into=other)
    world.ask("DELETE", f"/api/v1/tags/{other}")


def enter_password(world: World) -> None:
    code = world.post("/links", url=long_url(), password="open sesame")["code"]
    world.ask("POST", f"/{code}", 401, data={"password": "x" * 1000})


@cache
def noise() -> bytes:
    """A picture of about as many bytes as a logo may have, which no compression makes smaller."""
    file, width = io.BytesIO(), 285
    Image.frombytes("RGB", (width, width), secrets.token_bytes(3 * width**2)).save(file, "PNG")
    return file.getvalue()


def set_logo(world: World) -> None:
    path = f"/api/v1/workspaces/{world.workspace}/logo"
    for picture in (b"x" * MAX_LOGO_BYTES, noise()):
        world.ask("PUT", path, 204, 422, content=picture)
    # Another client may have removed it.
    world.ask("GET", path, 200, 404)


def remove_logo(world: World) -> None:
    set_logo(world)
    world.ask("DELETE", f"/api/v1/workspaces/{world.workspace}/logo", 204, 404)


def qr_code(path: str) -> Act:
    """The largest picture, with the longest code, which is a new one each time."""

    def act(world: World) -> None:
        set_logo(world)
        code = world.post("/links", url=long_url(), code=number().ljust(64, "x"), workspace=world.workspace)["code"]
        for format_ in ("png", "svg"):
            query = {"format": format_, "size": MAX_SIZE, "error_correction": "H", "logo": "true"}
            world.ask("GET", f"{path.format(code=code)}?{urlencode(query)}&{PARAMETERS}", 200)

    return act


def figures(world: World) -> None:
    """By hours, and by days of which each is cut by the zone."""
    now = datetime.now(UTC)
    for interval, length in (("hour", timedelta(hours=MAX_BUCKETS - 2)), ("day", timedelta(days=MAX_BUCKETS - 2))):
        since = (now - length).isoformat()
        world.get(f"/links/{BUSY}/stats", **{"from": since, "interval": interval, "tz": FAR, "bots": "true"})
    world.get(f"/links/{BUSY}/stats", 422, **{"from": "1970-01-01", "to": "2999-01-01", "interval": "hour", "tz": FAR})


def dimension(world: World) -> None:
    """A page of hosts, searched, and the series of one, each beside the span before."""
    since = (datetime.now(UTC) - timedelta(days=MAX_BUCKETS - 2)).isoformat()
    query = {"from": since, "tz": FAR, "bots": "true", "compare": "previous"}
    world.get(f"/links/{BUSY}/stats/referrers", limit=100, q="c", **query)
    for name, value in (("referrers", "google.com"), ("languages", ""), ("hours_of_week", "mon 09")):
        world.get(f"/links/{BUSY}/stats/{name}", value=value, **query)
    world.get(f"/links/{BUSY}/stats", **query)


def group_figures(world: World) -> None:
    since = (datetime.now(UTC) - timedelta(days=MAX_BUCKETS - 2)).isoformat()
    world.get("/stats", **{"from": since, "tz": FAR, "bots": "true", "compare": "previous"})


def group_dimension(world: World) -> None:
    world.get("/stats/referrers", limit=100, q="c", compare="previous")
    world.get("/stats/referrers", value="google.com", tz=FAR, compare="previous")


def tag_figures(world: World) -> None:
    tag = many_tags()[0]
    world.post("/links", url=long_url(), tags=many_tags())
    since = (datetime.now(UTC) - timedelta(days=MAX_BUCKETS - 2)).isoformat()
    world.get(f"/tags/{tag}/stats", **{"from": since, "tz": FAR, "compare": "previous"})
    world.get(f"/tags/{tag}/stats/referrers", limit=100, q="c", compare="previous")


def clicks(world: World) -> None:
    world.get(f"/links/{BUSY}/clicks", limit=100)
    with world.client.stream("GET", f"/api/v1/links/{BUSY}/clicks", params={"format": "csv"}) as answer:
        assert sum(part.count(b"\n") for part in answer.iter_bytes()) > 10_000


def comments(world: World) -> None:
    """The longest ones, each of which mentions members of a large workspace."""
    code = world.post("/links", url=long_url(), workspace=world.workspace)["code"]
    text = f"@{ADMIN} ".ljust(MAX_TEXT - 1, "ü") + "@"
    made = [world.post(f"/links/{code}/comments", text=text)["id"] for _ in range(100)]
    world.get(f"/links/{code}/comments", limit=100)
    world.ask("PATCH", f"/api/v1/links/{code}/comments/{made[0]}", json={"text": "@x " * (MAX_TEXT // 3)})
    world.ask("PUT", f"/api/v1/links/{code}/comments-read", json={"until": made[-1]})
    world.ask("DELETE", f"/api/v1/links/{code}/comments/{made[0]}")
    world.flood("POST", f"/links/{code}/comments")


def live(world: World) -> None:
    """As many channels as there may be, and as much that was missed as a client may be given."""
    channels = "&".join(["channel=me", *(f"channel=workspace:{world.workspace}" for _ in range(49))])
    answer = world.ask("GET", f"/api/v1/live?follow=false&after=0&{channels}")
    assert "data:" in answer.text
    world.ask("GET", "/api/v1/live?follow=false&channel=me")
    world.post("/live/tickets")


def show_badge(world: World) -> None:
    code = world.post("/links", url=long_url(), public_stats=True)["code"]
    world.ask("GET", f"/{code}/badge.svg?{PARAMETERS}")


def links(world: World) -> None:
    for query in ({"sort": "title", "q": "ü"}, {"sort": "clicks", "q": "a" * 200}, {"q": "%_" * 100}):
        all_pages("/links", **query)(world)
    for place in (1, 100):
        world.get("/links", page=place, page_size=100, sort="title", include="sparkline")
    world.ask("GET", "/api/v1/links?format=jsonl")
