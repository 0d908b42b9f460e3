"""Links and their codes."""

from pydantic import Field

from shortener.settings.source import Section


class LinkSettings(Section):
    code_length: int = Field(
        7, ge=3, le=32, description="Length of generated codes. It grows when codes become scarce."
    )
