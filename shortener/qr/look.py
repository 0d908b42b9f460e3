"""How a QR code is to look, and whether it could then be scanned."""

from typing import Literal

from pydantic import BaseModel, Field

from shortener.errors import InvalidParameter

Format = Literal["svg", "png"]
Level = Literal["L", "M", "Q", "H"]

MIN_SIZE, MAX_SIZE = 64, 2048
MAX_MARGIN = 16
# The ratio that WCAG 2 asks of the parts of a picture: 1 for equal colours, 21 for black on white.
MIN_CONTRAST = 3.0
TRANSPARENT = "transparent"

_COLOR = "^#?[0-9A-Fa-f]{6}$"


class Look(BaseModel):
    """The parameters of a request for a QR code."""

    format: Format = Field("svg", description="The kind of picture.")
    size: int = Field(300, ge=MIN_SIZE, le=MAX_SIZE, description="Width and height in pixels.")
    margin: int = Field(
        4, ge=0, le=MAX_MARGIN, description="The quiet zone around the code, in modules. Scanners may need 4."
    )
    error_correction: Level = Field(
        "M",
        description="How much of the code may be damaged: L 7 %, M 15 %, Q 25 %, H 30 %. With a logo it is always H.",
    )
    color: str = Field(
        "#000000", pattern=_COLOR, description="Of the dark modules. A `#` in a URL is written `%23`, or left out."
    )
    background: str = Field(
        "#ffffff",
        pattern=f"{_COLOR}|^{TRANSPARENT}$",
        description="As `color`, or `transparent`, for paper that is about as bright as white.",
    )
    logo: bool = Field(False, description="Show the workspace's logo in the middle.")
    track: bool = Field(True, description="Whether the code holds `?qr`, which distinguishes its clicks.")

    @property
    def level(self) -> Level:
        return "H" if self.logo else self.error_correction

    @property
    def dark(self) -> bytes:
        """Red, green and blue."""
        return _rgb(self.color)

    @property
    def light(self) -> bytes:
        """Red, green and blue; white where there is nothing."""
        return b"\xff\xff\xff" if self.is_transparent else _rgb(self.background)

    @property
    def is_transparent(self) -> bool:
        return self.background == TRANSPARENT

    def check_contrast(self) -> None:
        """Raises InvalidParameter for colours that cannot be scanned."""
        dark, light = _luminance(self.dark), _luminance(self.light)
        behind = "white, which is taken to lie behind the code" if self.is_transparent else "the background"
        if dark >= light:
            raise InvalidParameter(
                "color", f"it is not darker than {behind}; many scanners read only dark modules on a light background"
            )
        contrast = (light + 0.05) / (dark + 0.05)
        if contrast < MIN_CONTRAST:
            raise InvalidParameter(
                "color",
                f"it differs too little from {behind} for scanners: the contrast is {contrast:.1f}, "
                f"and at least {MIN_CONTRAST:g} is needed; take a darker color or a lighter background",
            )


def _rgb(color: str) -> bytes:
    return bytes.fromhex(color.removeprefix("#"))


def _luminance(rgb: bytes) -> float:
    """Relative luminance, from 0 to 1, as WCAG 2 defines it."""
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in rgb))
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
