"""Languages: texts from catalogues, and numbers, dates and countries as each language writes them."""

import contextvars
import datetime as dt
import gettext as catalogues
import io
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = {"en": "English", "de": "Deutsch"}
_DAY = timedelta(days=1)
_WHOLE_UP_TO = 100_000


class Wording:
    """One language, in one time zone."""

    def __init__(self, language: str, texts: catalogues.NullTranslations, zone: ZoneInfo) -> None:
        self.language = language
        self.zone = zone
        self._texts = texts
        self._locale = Locale.parse(language)

    def text(self, message: str) -> str:
        return self._texts.gettext(message) if message else ""

    def plural(self, one: str, many: str, n: int) -> str:
        return self._texts.ngettext(one, many, n)

    def number(self, value: float) -> str:
        return numbers.format_decimal(value, locale=self._locale)

    def short(self, value: int) -> str:
        """Whole up to 99,999, then such as 1.2M."""
        if abs(value) < _WHOLE_UP_TO:
            return self.number(value)
        return numbers.format_compact_decimal(value, locale=self._locale, fraction_digits=1)

    def percent(self, share: float) -> str:
        return numbers.format_percent(share, locale=self._locale)

    def date(self, moment: datetime, form: str = "medium") -> str:
        return dates.format_date(moment.astimezone(self.zone), form, locale=self._locale)

    def date_of(self, day: dt.date) -> str:
        return dates.format_date(day, "medium", locale=self._locale)

    def moment(self, moment: datetime) -> str:
        return dates.format_datetime(moment, "medium", tzinfo=self.zone, locale=self._locale)

    def pattern(self, moment: datetime, skeleton: str) -> str:
        """A part of a moment, such as `MMMd`, in the order of the language."""
        return dates.format_skeleton(skeleton, moment, tzinfo=self.zone, locale=self._locale)

    def ago(self, moment: datetime) -> str:
        """Near moments relative to now, others as a date."""
        away = moment - datetime.now(UTC)
        if abs(away) < timedelta(seconds=45):
            return self.text("just now")
        if abs(away) < 30 * _DAY:
            return dates.format_timedelta(away, add_direction=True, locale=self._locale, format="short")
        return self.date(moment)

    def country(self, code: str) -> str:
        return str(self._locale.territories.get(code, code))

    def language_name(self, code: str) -> str:
        return str(self._locale.languages.get(code.replace("-", "_"), code))

    def weekday(self, number: int) -> str:
        """0 is Monday."""
        return str(self._locale.days["stand-alone"]["abbreviated"][number])


# The wording of the page that is being made.
_current: contextvars.ContextVar[Wording] = contextvars.ContextVar("wording")


def speak(wording: Wording) -> None:
    """Use this wording for the rest of the request."""
    _current.set(wording)


def spoken() -> Wording:
    return _current.get()


def _(message: str, **values: Any) -> str:
    """The message in the language of the request."""
    text = spoken().text(message)
    return text % values if values else text


def ngettext(one: str, many: str, n: int, **values: Any) -> str:
    return spoken().plural(one, many, n) % {"n": spoken().number(n), **values}


class Wordings:
    """The languages that there are. Catalogues are compiled in memory."""

    def __init__(self) -> None:
        self._texts = {language: _catalogue(language) for language in LANGUAGES}

    def choose(self, chosen: str | None, accepted: str, zone: ZoneInfo) -> Wording:
        """The language that was chosen, or the first that the browser asks for and that there is."""
        language = chosen if chosen in LANGUAGES else _accepted(accepted)
        return _wording(self, language, zone)

    def texts(self, language: str) -> catalogues.NullTranslations:
        return self._texts[language]


@cache
def _wording(wordings: Wordings, language: str, zone: ZoneInfo) -> Wording:
    return Wording(language, wordings.texts(language), zone)


def _accepted(header: str) -> str:
    ranked: Mapping[str, float] = dict(map(_weighted, reversed(header.split(","))))
    known = [language for language in ranked if language in LANGUAGES and ranked[language] > 0]
    return max(reversed(known), key=lambda language: ranked[language], default="en")


def _weighted(part: str) -> tuple[str, float]:
    name, _, weight = part.partition(";q=")
    try:
        value = float(weight or 1)
    except ValueError:
        value = 0.0
    return name.strip().lower().partition("-")[0], value if math.isfinite(value) else 0.0


def _catalogue(language: str) -> catalogues.NullTranslations:
    file = files("shortener.dashboard") / "locale" / f"{language}.po"
    if not file.is_file():
        return catalogues.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(file.read_bytes()), locale=language))
    compiled.seek(0)
    return catalogues.GNUTranslations(compiled)
