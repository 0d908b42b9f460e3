"""How clicks are stored."""

from typing import Literal

from pydantic import Field

from shortener.settings.source import Section


class ClickSettings(Section):
    click_ack: Literal["stream", "memory"] = Field(
        "stream",
        description=(
            "When a redirect is answered: once its click is in the `stream`, or at once with the click in"
            " `memory`. See docs/reliability.md for what `memory` can lose."
        ),
    )
    click_buffer_size: int = Field(
        100_000, ge=1, description="Clicks that each process holds while neither Redis nor the database answers."
    )
