"""Spans of time by the names that pages have for them. Pure."""

from datetime import date, timedelta
from typing import NamedTuple

from shortener.figures.spans import Interval

DEFAULT = "30d"
# In the order of the menu, each with the key that chooses it.
KEYS = {
    "today": "1", "yesterday": "2", "7d": "3", "30d": "4", "90d": "5", "month": "6", "last-month": "7", "year": "8",
    "12m": "9", "all": "0",
}  # fmt: skip
_HOURS_UP_TO, _DAYS_UP_TO = 2, 190
_DAY = timedelta(days=1)


class Days(NamedTuple):
    """The first and the last day."""

    first: date
    last: date

    @property
    def interval(self) -> Interval:
        length = (self.last - self.first).days + 1
        if length <= _HOURS_UP_TO:
            return Interval.HOUR
        return Interval.DAY if length <= _DAYS_UP_TO else Interval.MONTH if length > 2 * 365 else Interval.WEEK

    def moved(self, spans: int) -> "Days":
        """So many spans later; whole months move by months."""
        if self.first.day == 1 and (self.last + _DAY).day == 1:
            months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1
            first = _month(self.first, spans * months)
            return Days(first, _month(first, months) - _DAY)
        length = (self.last - self.first + _DAY) * spans
        return Days(self.first + length, self.last + length)


def days_of(name: str, today: date, made: date) -> Days:
    """The days of a span; `made` is when the link was made. An unknown name is the default."""
    first_of_month = today.replace(day=1)
    found = {
        "today": Days(today, today),
        "yesterday": Days(today - _DAY, today - _DAY),
        "7d": Days(today - 6 * _DAY, today),
        "90d": Days(today - 89 * _DAY, today),
        "month": Days(first_of_month, today),
        "last-month": Days(_month(today, -1), first_of_month - _DAY),
        "year": Days(today.replace(month=1, day=1), today),
        "12m": Days(_month(today, -11), today),
        "all": Days(min(made, today), today),
    }
    return found.get(name, Days(today - 29 * _DAY, today))


def _month(day: date, later: int) -> date:
    number = 12 * day.year + day.month - 1 + later
    return date(number // 12, number % 12 + 1, 1)
