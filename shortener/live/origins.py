"""Which pages may open a WebSocket. Browsers say whose page it is, and let no page change that."""

from urllib.parse import urlsplit

from shortener.http.browser import OriginRefused
from shortener.http.host_check import own_authorities, read_authority
from shortener.settings import Settings


class Origins:
    """Our own pages, and those of the origins that may use the API. Programs send no `Origin`."""

    def __init__(self, settings: Settings) -> None:
        self._own = own_authorities(settings)
        self._api_hosts = frozenset(settings.api_hosts)
        self._others = frozenset(settings.cors_origins)

    def check(self, origin: str | None) -> None:
        """Raises OriginRefused."""
        if origin is None or origin in self._others or "*" in self._others:
            return
        authority = read_authority(urlsplit(origin).netloc)
        if authority is None or not (authority in self._own or authority[0] in self._api_hosts):
            raise OriginRefused
