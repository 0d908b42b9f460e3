"""Where commands find the service."""

from pydantic import Field, SecretStr

from shortener.settings.source import Section
from shortener.settings.values import BaseUrl


class CommandLineSettings(Section):
    """Command line"""

    server: BaseUrl = Field(
        "",
        description="Address of a server, such as `https://sho.rt`, whose API commands use. "
        "Default: none; they use the database of this machine.",
    )
    api_key: SecretStr = Field(
        SecretStr(""), description="The API key that commands show to `SHORTENER_SERVER`, whose rights they then have."
    )
