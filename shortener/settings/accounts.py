"""Who may have an account, and what may be done without one."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from shortener.settings.source import Section


class AccountSettings(Section):
    registration: Literal["open", "invite", "closed"] = Field(
        "closed",
        description="Who can make an account: anybody (`open`), who is invited (`invite`), or nobody (`closed`). "
        "Default under `shortener up` on loopback: open.",
    )
    password_list: Path | None = Field(
        None,
        description="File of passwords that nobody may choose, one a line, whatever the case; beside those that are "
        "refused anyway. Default: none.",
    )
    anonymous_links: bool = Field(
        False,
        description="Whether links can be created without login or API key. "
        "Default under `shortener up` on loopback: true.",
    )
    anonymous_manage: bool = Field(
        False,
        description="Whether, with `SHORTENER_ANONYMOUS_LINKS`, links without owner are everybody's to list, read, "
        "change and delete, with their figures. Default under `shortener up` on loopback: true.",
    )
    anonymous_link_days: int = Field(
        30,
        ge=0,
        le=36500,
        description="Days that links made without login or API key live at most, or 0: for ever. "
        "Default under `shortener up` on loopback: 0.",
    )

    @property
    def anonymous_may_manage(self) -> bool:
        return self.anonymous_links and self.anonymous_manage
