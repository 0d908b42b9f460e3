"""Where links may lead."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from shortener.settings.source import Section


class ScreeningSettings(Section):
    """Abuse"""

    block_list: Path | None = Field(
        None,
        description=(
            "File of hosts that no link may lead to, one per line, with their subdomains; `#` starts a "
            "comment. Read again when it changes. Default: none."
        ),
    )
    look_alikes: Literal["warn", "refuse", "allow"] = Field(
        "warn",
        description=(
            "How anonymous links to Punycode hosts are treated: `warn` (show the host first), `refuse` "
            "(do not create) or `allow`. Default under `shortener up` on loopback: allow."
        ),
    )
    web_risk_key: SecretStr = Field(
        SecretStr(""),
        description=("API key for Google Web Risk; when set, destinations of new links are sent there. Default: none."),
    )
    urlhaus_key: SecretStr = Field(
        SecretStr(""),
        description=(
            "API key for URLhaus (abuse.ch); when set, destinations of new links are sent there. Default: none."
        ),
    )
