"""Reads QR codes back from pictures, with a decoder that has nothing to do with what drew them."""

import io
from typing import NamedTuple

import resvg_py
import zxingcpp
from PIL import Image

PAPER = 60


class Code(NamedTuple):
    text: str
    level: str


def opened(picture: bytes) -> Image.Image:
    """A picture in its own size; an SVG is drawn as a browser draws it."""
    if not picture.startswith(b"\x89PNG"):
        picture = bytes(resvg_py.svg_to_bytes(svg_string=picture.decode()))
    return Image.open(io.BytesIO(picture)).convert("RGBA")


def on_paper(picture: Image.Image, color: str = "white") -> Image.Image:
    """The picture in the middle of a larger sheet."""
    sheet = Image.new("RGBA", (picture.width + 2 * PAPER, picture.height + 2 * PAPER), color)
    sheet.alpha_composite(picture, (PAPER, PAPER))
    return sheet


def read(picture: bytes | Image.Image, paper: str = "white") -> Code:
    """The one code that lies on the paper."""
    image = opened(picture) if isinstance(picture, bytes) else picture
    [found] = zxingcpp.read_barcodes(on_paper(image, paper).convert("L"))
    return Code(found.text, found.ec_level)
