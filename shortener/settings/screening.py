"""Where links may lead."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from shortener.settings.source import Section


class ScreeningSettings(Section):
    block_list: Path | None = Field(
        None,
        description="File of hosts that no link may lead to, one a line, `#` before comments; subdomains are "
        "included. Read again when it changes. Default: none.",
    )
    look_alikes: Literal["warn", "refuse", "allow"] = Field(
        "warn",
        description="What becomes of links to hosts in Punycode that are made without login or API key: they `warn` of "
        "the host before they lead there, the service will `refuse` to make them, or `allow` them as any others. "
        "Default under `shortener up` on loopback: allow.",
    )
    web_risk_key: SecretStr = Field(
        SecretStr(""),
        description="Key of Google Web Risk's Lookup API, which then is told the destinations of new links. "
        "Default: none.",
    )
    urlhaus_key: SecretStr = Field(
        SecretStr(""),
        description="Key of URLhaus (abuse.ch), which then is told the destinations of new links. Default: none.",
    )
