"""What all figures are asked for: a span in intervals."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shortener.errors import Unprocessable
from shortener.event_loop.slices import gathered
from shortener.figures.schemas import read_span
from shortener.figures.spans import Interval, TooManyBuckets, bucket_starts

UTC_ZONE = ZoneInfo("UTC")


class InvalidSpan(Unprocessable):
    """`from` is not before `to`, or the figures would have more than 2,500 intervals: 104 days by hour, six years by
    day.

    Ask for a shorter span or a longer interval.
    """

    type, title = "invalid-span", "Invalid span"


class Compare(StrEnum):
    PREVIOUS = "previous"


class Asked(NamedTuple):
    """Figures of [start, end); `now` is the moment from which `end` was chosen. Breakdowns include bots if `bots`."""

    start: datetime
    end: datetime
    interval: Interval
    zone: ZoneInfo
    bots: bool
    now: datetime
    is_compared: bool = False

    def before(self) -> "Asked":
        """The span before: as many local days earlier as this one has, or weeks or months where those are counted."""
        first, last = (moment.astimezone(self.zone) for moment in (self.start, self.end - timedelta(microseconds=1)))
        if self.interval is Interval.MONTH:
            months = 12 * (last.year - first.year) + last.month - first.month + 1
            return self._replace(start=_months_earlier(first, months), end=_months_earlier(last, months) + _STEP)
        days = (last.date() - first.date()).days + 1
        if self.interval is Interval.WEEK:
            days += -days % 7
        start, end = ((moment - timedelta(days=days)).astimezone(UTC) for moment in (first, last))
        return self._replace(start=start, end=end + _STEP)

    async def starts(self) -> list[datetime]:
        """Beginnings of the buckets, in UTC. Raises InvalidSpan."""
        try:
            return await gathered(bucket_starts(self.start, self.end, self.interval, self.zone))
        except TooManyBuckets as error:
            raise InvalidSpan(f"The span has {error}.") from None


_STEP = timedelta(microseconds=1)


def _months_earlier(local: datetime, months: int) -> datetime:
    """The same day and time that many months ago, or the month's last day, in UTC."""
    number = 12 * local.year + local.month - 1 - months
    first = local.replace(year=number // 12, month=number % 12 + 1, day=1)
    last_day = ((first + timedelta(days=32)).replace(day=1) - timedelta(days=1)).day
    return first.replace(day=min(local.day, last_day)).astimezone(UTC)


def read_asked(
    since: date | None,
    until: date | None,
    interval: Interval,
    zone: ZoneInfo,
    *,
    bots: bool = False,
    is_compared: bool = False,
) -> Asked:
    """Raises InvalidSpan."""
    now = datetime.now(UTC)
    start, end = read_span(since, until, interval, zone, now)
    if start >= end:
        raise InvalidSpan("The span is empty: `from` must lie before `to`.")
    return Asked(start, end, interval, zone, bots, now, is_compared)
