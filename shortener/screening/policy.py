"""Which hosts links may lead to, and how long anonymous links live."""

from datetime import datetime, timedelta

from shortener.errors import InvalidField
from shortener.http.expiry import InvalidExpiry
from shortener.screening.ban_list import BanList
from shortener.screening.lookalikes import Flag, flag_of
from shortener.screening.metrics import DESTINATIONS_REFUSED
from shortener.settings import Settings


class RefusedDestination(InvalidField):
    """The host of the destination is banned or on the block list; or it is in Punycode, and such links need a login or
    key here."""

    type, title = "destination-refused", "Destination refused"

    def __init__(self, reason: str, field: str = "/url") -> None:
        super().__init__(field, reason)


class LinkPolicy:
    """Judges each link that is created or changed, from memory."""

    def __init__(self, ban_list: BanList, settings: Settings) -> None:
        self._ban_list = ban_list
        self._look_alikes = settings.look_alikes
        self._anonymous_days = settings.anonymous_link_days

    def check(self, host: str, is_anonymous: bool, field: str = "/url") -> Flag | None:
        """The flag of a suspicious host. Raises RefusedDestination if the host is not allowed; `field` is the
        JSON pointer to the URL."""
        state = self._ban_list.state_of(host)
        if state is not None:
            DESTINATIONS_REFUSED.labels(state).inc()
            raise RefusedDestination("links to this host are not allowed", field)
        flag = flag_of(host)
        if flag is not None and is_anonymous and self._look_alikes == "refuse":
            DESTINATIONS_REFUSED.labels(flag).inc()
            raise RefusedDestination(
                "links to Punycode hosts need a login or an API key: such names can deceive", field
            )
        return flag

    def warns(self, flag: Flag | None, is_anonymous: bool) -> bool:
        """Whether visitors see the host before they go there."""
        return flag is not None and is_anonymous and self._look_alikes != "allow"

    def expiry(self, wanted: datetime | None, created_at: datetime) -> datetime | None:
        """The expiry of an anonymous link: as requested, but within the longest life. Raises InvalidExpiry."""
        if not self._anonymous_days:
            return wanted
        latest = created_at + timedelta(days=self._anonymous_days)
        if wanted is not None and wanted > latest:
            raise InvalidExpiry(f"a link without a login or key lives at most {self._anonymous_days} days")
        return latest if wanted is None else wanted
