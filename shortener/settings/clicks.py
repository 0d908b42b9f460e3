"""How clicks are stored."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from shortener.settings.source import Section


class ClickSettings(Section):
    """Clicks"""

    click_ack: Literal["stream", "memory"] = Field(
        "stream",
        description=(
            "When a redirect is answered: once its click is in the `stream`, or at once with the click in"
            " `memory`. See docs/reliability.md#answering-from-memory for what `memory` can lose."
        ),
    )
    click_buffer_size: int = Field(
        100_000, ge=1, description="Clicks that each process holds while neither Redis nor the database answers."
    )
    geo_database: Path | None = Field(
        None,
        description=(
            "File in MaxMind's format (MMDB) that says in which country, region and city an address is. Read again "
            "when it changes. Default: none; countries then come from built-in data; see "
            "docs/operations.md#countries-and-cities."
        ),
    )
