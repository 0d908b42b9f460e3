"""What links may lead to, and how long those may live that nobody answers for."""

from datetime import datetime, timedelta

from shortener.errors import InvalidField
from shortener.http.expiry import InvalidExpiry
from shortener.screening.ban_list import BanList
from shortener.screening.lookalikes import Flag, flag_of
from shortener.screening.metrics import DESTINATIONS_REFUSED
from shortener.settings import Settings


class RefusedDestination(InvalidField):
    type, title = "destination-refused", "Destination refused"

    def __init__(self, reason: str) -> None:
        super().__init__("/url", reason)


class LinkPolicy:
    """Asked for each link that is made or changed, from memory."""

    def __init__(self, ban_list: BanList, settings: Settings) -> None:
        self._ban_list = ban_list
        self._look_alikes = settings.look_alikes
        self._anonymous_days = settings.anonymous_link_days

    def check(self, host: str, is_anonymous: bool) -> Flag | None:
        """What there is to be said against the host. Raises RefusedDestination when that is too much."""
        state = self._ban_list.state_of(host)
        if state is not None:
            DESTINATIONS_REFUSED.labels(state).inc()
            raise RefusedDestination("no link may lead to this host")
        flag = flag_of(host)
        if flag is not None and is_anonymous and self._look_alikes == "refuse":
            DESTINATIONS_REFUSED.labels(flag).inc()
            raise RefusedDestination("links to hosts in Punycode need a login or an API key: such names can deceive")
        return flag

    def warns(self, flag: Flag | None, is_anonymous: bool) -> bool:
        """Whether people are to be told of the host before they go there."""
        return flag is not None and is_anonymous and self._look_alikes != "allow"

    def expiry(self, wanted: datetime | None, created_at: datetime) -> datetime | None:
        """When a link that nobody answers for expires: as wanted, but not later than others. Raises InvalidExpiry."""
        if not self._anonymous_days:
            return wanted
        latest = created_at + timedelta(days=self._anonymous_days)
        if wanted is not None and wanted > latest:
            raise InvalidExpiry(f"a link that is made without login or key lives {self._anonymous_days} days at most")
        return latest if wanted is None else wanted
