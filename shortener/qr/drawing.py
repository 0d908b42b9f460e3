"""Draws QR codes. Pure; takes up to a tenth of a second."""

import base64
import io
from functools import lru_cache
from html import escape

import segno
from PIL import Image

from shortener.errors import InvalidParameter
from shortener.qr.look import Level, Look

# A module of fewer pixels blurs on screens and in print.
MIN_MODULE_PX = 2
# The part of the code's width that is cleared for a logo. With the level H a code is read even if 30 % of its code
# words are damaged; this clears about 5 % of its area.
_LOGO_PART = 0.24
# Between the cleared modules and the logo, in modules.
_LOGO_PAD = 0.5

# Rows of modules, 1 for dark, without a margin.
Modules = tuple[bytes, ...]


def draw(text: str, look: Look, logo: bytes | None) -> bytes:
    """A picture of the code that holds `text`. `logo` is a PNG. Raises InvalidParameter."""
    modules = _modules(text, look.level)
    if logo is not None:
        modules = _with_hole(modules)
    return _svg(text, modules, look, logo) if look.format == "svg" else _png(modules, look, logo)


@lru_cache(maxsize=256)
def _modules(text: str, level: Level) -> Modules:
    code = segno.make(text, error=level, micro=False, boost_error=False)
    return tuple(bytes(row) for row in code.matrix)


def _hole(modules: Modules) -> int:
    """The width of what is cleared for a logo; odd, as the code's is."""
    return (int(len(modules) * _LOGO_PART) - 1) | 1


def _with_hole(modules: Modules) -> Modules:
    hole = _hole(modules)
    start = (len(modules) - hole) // 2
    rows = list(modules)
    for y in range(start, start + hole):
        rows[y] = rows[y][:start] + bytes(hole) + rows[y][start + hole :]
    return tuple(rows)


def _svg(text: str, modules: Modules, look: Look, logo: bytes | None) -> bytes:
    """One unit of its coordinates is a module."""
    width = len(modules) + 2 * look.margin
    background = "" if look.is_transparent else f'<rect width="{width}" height="{width}" fill="#{look.light.hex()}"/>'
    picture = ""
    if logo is not None:
        side = _hole(modules) - 2 * _LOGO_PAD
        start = (width - side) / 2
        data = base64.b64encode(logo).decode()
        picture = f'<image x="{start}" y="{start}" width="{side}" height="{side}" href="data:image/png;base64,{data}"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{look.size}" height="{look.size}" '
        f'viewBox="0 0 {width} {width}" role="img"><title>{escape(text)}</title>{background}'
        f'<path fill="#{look.dark.hex()}" shape-rendering="crispEdges" d="{_path(modules, look.margin)}"/>'
        f"{picture}</svg>\n"
    ).encode()


def _path(modules: Modules, margin: int) -> str:
    """A rectangle for each run of dark modules in a row."""
    parts = []
    for y, row in enumerate(modules, margin):
        end = 0
        while (start := row.find(1, end)) >= 0:
            end = row.find(0, start)
            end = len(row) if end < 0 else end
            parts.append(f"M{start + margin} {y}h{end - start}v1h-{end - start}z")
    return "".join(parts)


def _png(modules: Modules, look: Look, logo: bytes | None) -> bytes:
    """Each module has the same number of whole pixels; what is left over is added to the margin."""
    count = len(modules)
    width = count + 2 * look.margin
    scale = look.size // width
    if scale < MIN_MODULE_PX:
        raise InvalidParameter(
            "size", f"the code has {width} modules with its margin, and needs {MIN_MODULE_PX * width} pixels"
        )
    code = Image.frombytes("P", (count, count), b"".join(modules))
    canvas = Image.new("P", (look.size, look.size), 0)
    canvas.putpalette(look.light + look.dark)
    start = (look.size - scale * count) // 2
    canvas.paste(code.resize((scale * count, scale * count), Image.Resampling.NEAREST), (start, start))
    if look.is_transparent:
        canvas.info["transparency"] = 0
    if logo is not None:
        canvas = _with_logo(canvas, logo, scale * (_hole(modules) - 2 * _LOGO_PAD))
    file = io.BytesIO()
    canvas.save(file, "PNG", transparency=canvas.info.get("transparency"))
    return file.getvalue()


def _with_logo(canvas: Image.Image, logo: bytes, side: float) -> Image.Image:
    picture = Image.open(io.BytesIO(logo), formats=["PNG"]).convert("RGBA")
    factor = side / max(picture.size)
    picture = picture.resize((max(1, int(picture.width * factor)), max(1, int(picture.height * factor))))
    whole = canvas.convert("RGBA")
    whole.alpha_composite(picture, ((whole.width - picture.width) // 2, (whole.height - picture.height) // 2))
    return whole
