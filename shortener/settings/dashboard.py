"""The web pages of the product."""

from typing import Annotated

import ada_url
from pydantic import AfterValidator, Field

from shortener.settings.source import Section
from shortener.text import OneLine, Trimmed

HOME_DASHBOARD, HOME_NONE = "dashboard", "none"


def _parse_home(value: str) -> str:
    if value in (HOME_DASHBOARD, HOME_NONE):
        return value
    if value.startswith(("http://", "https://")) and ada_url.check_url(value):
        return ada_url.URL(value).href
    raise ValueError("use dashboard, none, or a form such as https://example.com/")


class DashboardSettings(Section):
    """Dashboard"""

    dashboard: bool = Field(True, description="Serve the dashboard, below `/-/`.")
    home: Annotated[str, AfterValidator(_parse_home), Trimmed] = Field(
        HOME_DASHBOARD,
        description="What `/` answers: `dashboard` leads to the dashboard, a URL leads there, `none` is a 404.",
    )
    name: Annotated[str, Field(max_length=40), OneLine] = Field(
        "", description="Name of the service in the dashboard. Default: the host of `SHORTENER_BASE_URL`."
    )
