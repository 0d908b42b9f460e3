"""Accounts, and access without an account."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from shortener.settings.source import Section


class AccountSettings(Section):
    """Accounts"""

    registration: Literal["open", "invite", "closed"] = Field(
        "closed",
        description=(
            "Whether anybody can create an account (`open`), people with an invitation (`invite`) or nobody "
            "(`closed`). Default under `shortener up` on loopback: open."
        ),
    )
    password_list: Path | None = Field(
        None,
        description="File of further forbidden passwords, one per line, case-insensitive. Default: none.",
    )
    anonymous_links: bool = Field(
        False,
        description=(
            "Allow links to be created without a login or API key. Default under `shortener up` on loopback: true."
        ),
    )
    anonymous_manage: bool = Field(
        False,
        description=(
            "With `SHORTENER_ANONYMOUS_LINKS`: let anybody list, read, change and delete links without an"
            " owner, and read their figures. Default under `shortener up` on loopback: true."
        ),
    )
    anonymous_link_days: int = Field(
        30,
        ge=0,
        le=36500,
        description=(
            "Longest life, in days, of links created without a login or API key; 0: no limit. Default "
            "under `shortener up` on loopback: 0."
        ),
    )

    @property
    def anonymous_may_manage(self) -> bool:
        return self.anonymous_links and self.anonymous_manage
