"""Logging."""

from typing import Literal

from pydantic import Field

from shortener.settings.source import Section


class LogSettings(Section):
    """Logs"""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="`debug`, `info`, `warning` or `error`."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`json`, `console`, or `auto`: console on a terminal, otherwise JSON."
    )
    access_log: bool = Field(False, description="Log each request.")
