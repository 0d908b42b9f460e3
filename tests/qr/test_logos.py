"""Owners set the logo of a workspace. Its pixels are kept and shown in QR codes."""

import io
import struct
import zlib

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from shortener.http.body_limit import MAX_BODY_BYTES
from shortener.qr.logos import KEPT_PX, MAX_LOGO_BYTES
from tests.clicks.make import rows_of
from tests.conftest import client_of
from tests.links.test_api import assert_problem
from tests.qr.reading import opened, read
from tests.workspaces.conftest import *  # noqa: F403  (its fixtures)
from tests.workspaces.conftest import LINKS, URL, WORKSPACES

RED = (200, 0, 0, 255)


def encoded(picture: Image.Image, format_: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_, **options)
    return file.getvalue()


def red(width: int = 64, height: int = 64, mode: str = "RGB") -> Image.Image:
    return Image.new("RGBA", (width, height), RED).convert(mode)


@pytest.fixture
def place(shared) -> str:
    return f"{WORKSPACES}/{shared}/logo"


async def put(who, place: str, body: bytes):
    return await who.ask("PUT", place, content=body)


async def test_a_logo_is_shown_by_the_codes_of_the_workspaces_links_alone(ada, shared, place):
    await ada.post(LINKS, url=URL, code="ours", workspace=shared)
    await ada.post(LINKS, url=URL, code="mine")
    assert (await put(ada, place, encoded(red()))).status_code == 204
    for path in (f"{LINKS}/ours/qr", "/ours.qr"):
        for format_ in ("svg", "png"):
            picture = (await ada.ask("GET", path, params={"logo": "true", "format": format_})).content
            assert read(picture) == ("https://sho.rt/ours?qr", "H")
            assert opened(picture).getpixel((150, 150)) == RED
            plain = (await ada.ask("GET", path, params={"format": format_})).content
            assert RED not in {color for _, color in opened(plain).getcolors()}
        mine = await ada.ask("GET", path.replace("ours", "mine"), params={"logo": "true"})
        assert [error["field"] for error in mine.json()["errors"]] == ["logo"]


async def test_another_logo_makes_another_picture(ada, shared, place):
    await ada.post(LINKS, url=URL, code="ours", workspace=shared)
    etags = []
    for color in ("red", "blue"):
        await put(ada, place, encoded(Image.new("RGB", (9, 9), color)))
        etags.append((await ada.ask("GET", "/ours.qr?logo=true")).headers["etag"])
    assert etags[0] != etags[1]


async def test_only_owners_set_and_remove_a_logo_and_members_see_it(ada, bob, eve, app, client, shared, place):
    await ada.share(shared, bob=(bob, "editor"))
    picture = encoded(red())
    assert_problem(await put(bob, place, picture), 403, "insufficient-role")
    assert_problem(await put(eve, place, picture), 404, "workspace-not-found")
    assert_problem(await ada.ask("GET", place), 404, "logo-not-found")
    assert_problem(await ada.ask("DELETE", place), 404, "logo-not-found")
    assert (await put(ada, place, picture)).status_code == 204
    got = await bob.ask("GET", place)
    assert (got.status_code, got.headers["content-type"]) == (200, "image/png")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert (await bob.ask("GET", place, headers={"If-None-Match": got.headers["etag"]})).status_code == 304
    assert_problem(await eve.ask("GET", place), 404, "workspace-not-found")
    assert_problem(await bob.ask("DELETE", place), 403, "insufficient-role")
    assert await ada.status("DELETE", place) == 204
    assert await bob.status("GET", place) == 404


async def test_setting_and_removing_a_logo_is_recorded_once_it_is_done(ada, bob, shared, place, database):
    await ada.share(shared, bob=(bob, "viewer"))
    await put(bob, place, encoded(red()))
    await put(ada, place, b"nothing")
    await put(ada, place, encoded(red()))
    await ada.ask("DELETE", place)
    await ada.ask("DELETE", place)
    rows = await rows_of(database, "SELECT action, target FROM audit_log WHERE action LIKE 'logo.%' ORDER BY id")
    assert rows == [(action, f"workspace:{shared}") for action in ("logo.set", "logo.removed")]


async def test_a_logo_goes_with_its_workspace(ada, shared, place, database):
    await put(ada, place, encoded(red()))
    assert await ada.status("DELETE", f"{WORKSPACES}/{shared}") == 204
    assert await rows_of(database, "SELECT 1 FROM workspace_logos") == []


KINDS = {
    "png": encoded(red()),
    "jpeg": encoded(red(), "JPEG", quality=95),
    "jpeg of a printer": encoded(red(mode="CMYK"), "JPEG", quality=95),
    "transparent": encoded(red(mode="RGBA")),
    "with a palette": encoded(red().quantize(4)),
    "as large as may be": encoded(red(2000, 2000)),
    "interlaced": encoded(red(), interlace=1),
}


async def test_pngs_and_jpegs_of_every_kind_are_taken_whatever_the_headers_say(ada, place):
    for kind, body in KINDS.items():
        answer = await ada.ask("PUT", place, content=body, headers={"Content-Type": "text/html"})
        assert answer.status_code == 204, (kind, answer.text)
        kept = Image.open(io.BytesIO((await ada.ask("GET", place)).content))
        assert (kept.format, kept.mode) == ("PNG", "RGBA"), kind
        assert max(kept.size) <= KEPT_PX
        assert kept.getpixel((5, 5)) == pytest.approx(RED, abs=60), kind


async def test_only_the_pixels_of_a_picture_are_kept(ada, place):
    secret = b"48.2082N"
    text = PngInfo()
    text.add_text("Place", secret.decode())
    exif = Image.Exif()
    exif[0x010E] = secret.decode()
    turned = Image.new("RGB", (40, 20))
    exif[0x0112] = 6
    for body in (encoded(red(), pnginfo=text), encoded(red(), exif=exif), encoded(turned, "JPEG", exif=exif)):
        assert secret in body
        assert (await put(ada, place, body)).status_code == 204
        kept = (await ada.ask("GET", place)).content
        assert secret not in kept
        assert not Image.open(io.BytesIO(kept)).info
    assert Image.open(io.BytesIO(kept)).size == (20, 40)


def png_of(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG whose head has this width and height."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


WRONG = {
    "nothing": b"",
    "a page": b"<!doctype html><script>alert(1)</script>",
    "a drawing": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "a gif": encoded(red(mode="P"), "GIF"),
    "a picture of another kind": encoded(red(), "WEBP"),
    "a picture for printers": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "the beginning of a png": encoded(red(300, 300))[:80],
    "the beginning of a jpeg": encoded(red(300, 300), "JPEG")[:300],
    "only the first bytes": b"\x89PNG\r\n\x1a\n",
    "a bomb": png_of(30_000, 30_000, bytes(1000)),
    "a wide bomb": png_of(2_000_000_000, 1),
    "just too large": encoded(Image.new("1", (2000, 2001))),
}


async def test_what_is_no_picture_or_too_large_a_one_is_refused_and_changes_nothing(ada, place):
    await put(ada, place, encoded(red()))
    before = (await ada.ask("GET", place)).content
    for what, body in WRONG.items():
        answer = await put(ada, place, body)
        assert_problem(answer, 422, "invalid-logo")
        assert (await ada.ask("GET", place)).content == before, what


async def test_a_bomb_is_refused_before_it_is_decoded(ada, place, monkeypatch):
    def load(*_):
        raise AssertionError("decoded")

    monkeypatch.setattr(Image.Image, "load", load)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    for bomb in ("a bomb", "just too large"):
        answer = await put(ada, place, WRONG[bomb])
        assert "pixels" in answer.json()["detail"]


async def test_a_logo_may_have_more_bytes_than_other_bodies_and_not_too_many(ada, place):
    body = encoded(red()) + bytes(MAX_BODY_BYTES)
    assert (await put(ada, place, body)).status_code == 204
    too_large = encoded(red()).ljust(MAX_LOGO_BYTES + 1, b"\0")
    assert_problem(await put(ada, place, too_large), 413, "content-too-large")


async def test_a_stranger_is_refused_before_the_picture_is_read(app, place):
    async with client_of(app) as stranger:
        assert_problem(await stranger.put(place, content=encoded(red())), 401, "authentication-required")
