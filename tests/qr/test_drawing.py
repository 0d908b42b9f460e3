"""Every variant of a QR code is read back by a decoder."""

import io
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from shortener.errors import InvalidParameter
from shortener.qr.drawing import MIN_MODULE_PX, draw
from shortener.qr.logos import KEPT_PX
from shortener.qr.look import MAX_MARGIN, MAX_SIZE, MIN_CONTRAST, Look, _luminance
from tests.qr.reading import opened, read

SHORT, LONG = "https://sho.rt/k7Rm2pX?qr", f"https://links.a-long-company-name.example/{'a1_Z' * 16}?qr"
FORMATS = ("svg", "png")
each_format = pytest.mark.parametrize("format_", FORMATS)


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def black_logo(width: int = KEPT_PX, height: int = KEPT_PX) -> bytes:
    return png(Image.new("RGBA", (width, height), "black"))


@each_format
@pytest.mark.parametrize("text", [SHORT, LONG])
@pytest.mark.parametrize("level", "LMQH")
def test_a_code_is_read_back_with_its_level(format_, text, level):
    assert read(draw(text, Look(format=format_, error_correction=level), None)) == (text, level)


@each_format
@pytest.mark.parametrize("size", [64, 65, 299, 300, 1000, MAX_SIZE])
def test_a_picture_has_exactly_the_size_that_was_asked_for(format_, size):
    picture = draw("https://sho.rt/abc", Look(format=format_, size=size, margin=1), None)
    assert opened(picture).size == (size, size)
    assert read(picture).text == "https://sho.rt/abc"


@each_format
@pytest.mark.parametrize("margin", [0, 1, 4, MAX_MARGIN])
def test_a_margin_is_at_least_what_was_asked_for(format_, margin):
    look = Look(format=format_, size=25 * 8 + 2 * 8 * margin, margin=margin, background="#ffeeaa")
    picture = draw(SHORT, look, None)
    assert read(picture, "#ffeeaa").text == SHORT
    dark = opened(picture).convert("L").point(lambda light: 255 * (light < 128))
    assert dark.getbbox() == (8 * margin, 8 * margin, 8 * (margin + 25), 8 * (margin + 25))


def test_modules_of_a_png_are_whole_pixels_so_that_none_is_blurred():
    picture = opened(draw(SHORT, Look(format="png", size=333), None))
    assert {color for _, color in picture.getcolors()} == {(0, 0, 0, 255), (255, 255, 255, 255)}


def test_a_png_that_has_no_room_for_the_code_is_refused_with_the_size_that_has():
    with pytest.raises(InvalidParameter, match="needs 130 pixels") as refused:
        draw(LONG, Look(format="png", size=129, error_correction="H"), None)
    assert refused.value.errors[0]["field"] == "size"
    assert read(draw(LONG, Look(format="png", size=65 * MIN_MODULE_PX, error_correction="H"), None)).text == LONG


@each_format
def test_what_is_transparent_is_read_on_white_and_shows_what_lies_behind(format_):
    picture = draw(SHORT, Look(format=format_, background="transparent"), None)
    assert read(picture).text == SHORT
    assert opened(picture).getpixel((0, 0))[3] == 0
    assert opened(picture).getcolors()[0] is not None


_colors = st.binary(min_size=3, max_size=3).map(lambda rgb: f"#{rgb.hex()}")


@given(_colors, _colors, st.sampled_from(FORMATS))
@example("#949494", "#ffffff", "svg")  # About the least contrast that is allowed.
@example("#000000", "#5a5a5a", "png")
@example("#ff0000", "#ffffff", "svg")
@settings(max_examples=60)
def test_all_colors_that_are_not_refused_are_read_back(one, other, format_):
    color, background = sorted((one, other), key=lambda color: _luminance(bytes.fromhex(color[1:])))
    look = Look(format=format_, color=color, background=background)
    try:
        look.check_contrast()
    except InvalidParameter:
        return
    picture = draw(SHORT, look, None)
    assert read(picture, background).text == SHORT
    found = {f"#{bytes(rgba[:3]).hex()}" for _, rgba in opened(picture).getcolors()}
    assert found == {color, background}


@pytest.mark.parametrize(
    ("color", "background", "reason"),
    [
        ("#ffffff", "#000000", "not darker than the background"),
        ("#123456", "#123456", "not darker than the background"),
        ("#ffffff", "transparent", "not darker than white"),
        ("#ffff00", "#ffffff", "differs too little from the background"),
        ("ffff00", "transparent", "differs too little from white"),
        ("#000000", "#333333", f"at least {MIN_CONTRAST:g} is needed"),
    ],
)
def test_colors_that_cannot_be_scanned_are_refused_in_plain_words(color, background, reason):
    with pytest.raises(InvalidParameter, match=reason) as refused:
        Look(color=color, background=background).check_contrast()
    assert [error["field"] for error in refused.value.errors] == ["color"]


@each_format
@pytest.mark.parametrize("length", [15, 25, 40, 60, 80, 110, 150])
@pytest.mark.parametrize("shape", [(384, 384), (384, 20), (20, 384), (1, 1)])
def test_a_code_with_a_logo_is_read_back_with_the_highest_level(format_, length, shape):
    text = "https://sho.rt/".ljust(length, "x")
    look = Look(format=format_, error_correction="L", logo=True, size=600)
    picture = draw(text, look, black_logo(*shape))
    assert read(picture) == (text, "H")
    assert opened(picture).getpixel((300, 300)) == (0, 0, 0, 255)


@pytest.mark.parametrize("seed", range(10))
def test_a_code_with_a_logo_can_still_be_damaged(seed):
    picture = opened(draw(LONG, Look(format="png", logo=True, size=650), black_logo()))
    spots, pen = random.Random(seed), ImageDraw.Draw(picture)
    for _ in range(8):
        x, y = spots.randrange(150, 480), spots.randrange(150, 480)
        pen.rectangle((x, y, x + 20, y + 20), fill="black")
    assert read(picture).text == LONG


def test_a_logo_keeps_its_shape():
    picture = opened(draw(SHORT, Look(format="png", logo=True, size=410, color="#000080"), black_logo(384, 96)))
    black = picture.convert("RGB").point(lambda value: 255 * (value > 0)).convert("L").point(lambda v: 255 * (v == 0))
    left, top, right, bottom = black.getbbox()
    assert (right - left) / (bottom - top) == pytest.approx(4, rel=0.05)
