"""Links and their codes."""

from typing import Literal

from pydantic import Field

from shortener.settings.source import Section


class LinkSettings(Section):
    """Codes"""

    code_length: int = Field(
        7, ge=3, le=32, description="Length of generated codes. It grows when codes become scarce."
    )
    code_case: Literal["sensitive", "insensitive"] = Field(
        "sensitive",
        description="Whether `/Sale` and `/sale` are two links or one. Fixed at the first start. "
        "`insensitive` makes and stores codes in lower case.",
    )
    permanent_redirect_s: int = Field(
        3600,
        ge=0,
        le=86400,
        description="Seconds that browsers may remember a permanent redirect (301, 308). "
        "They follow it without asking meanwhile, so these clicks are not counted.",
    )

    @property
    def ignores_case(self) -> bool:
        """Whether codes that differ only in upper and lower case are the same."""
        return self.code_case == "insensitive"

    def stored_code(self, code: str) -> str:
        """A code in the form in which it is stored and looked up."""
        return code.lower() if self.ignores_case else code
