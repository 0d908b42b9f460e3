"""Which of a link's URLs answers a request: the first rule that matches, else a variant, else the link's own. Pure.

Conditions are compiled once per link: each becomes a function of a `Visit` that says why it does not hold.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from shortener.redirect import options as o
from shortener.redirect.networks import Network, parse_network
from shortener.redirect.visit import Visit

log = structlog.get_logger(__name__)

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# Whether a condition holds.
Test = Callable[[Visit], bool]


class Choice(NamedTuple):
    """The URL that answers, or None for the link's own; and the name of the rule or of the variant that has it."""

    url: str | None = None
    rule: str | None = None
    variant: str | None = None


_OWN_URL = Choice()
# Of what is drawn.
_BITS = 64


class Reason(NamedTuple):
    """Why a rule did not answer; `condition` is its index, None for a rule without conditions."""

    rule: str
    condition: int | None
    reason: str


class _Rule(NamedTuple):
    choice: Choice
    tests: tuple[Test, ...]
    conditions: tuple[o.Condition, ...]


class Plan:
    """A link's rules and variants, compiled. `key` is secret, so that nobody can choose what is drawn for them."""

    def __init__(self, options: o.Options, link_id: int, key: bytes) -> None:
        self._key = key
        self._salt = link_id.to_bytes(8, "big")
        # Short, since it shares a block of the hash with what most visitors show.
        self._variant = self._drawing(b"v")
        self._rules = tuple(
            _Rule(Choice(rule.url, rule=rule.name), tuple(self._tests(rule)), rule.conditions) for rule in options.rules
        )
        self._matching = tuple((_all(tests), choice) for choice, tests, _ in self._rules if tests)
        self._variants = tuple(Choice(variant.url, variant=variant.name) for variant in options.variants)
        self._ends = tuple(accumulate(variant.weight for variant in options.variants))
        self._total_weight = self._ends[-1] if self._ends else 0

    def choose(self, visit: Visit) -> Choice:
        for holds, choice in self._matching:
            if holds(visit):
                return choice
        return self._drawn(visit) if self._total_weight else _OWN_URL

    def explain(self, visit: Visit) -> tuple[Choice, list[Reason]]:
        """What `choose` says, and why each rule before it did not answer."""
        reasons: list[Reason] = []
        for choice, tests, conditions in self._rules:
            name = choice.rule or ""
            failed = [n for n, test in enumerate(tests) if not test(visit)]
            if tests and not failed:
                return choice, reasons
            if not tests:
                reasons.append(Reason(name, None, "The rule has no conditions, so it never matches."))
            reasons += [Reason(name, n, _why(conditions[n], visit)) for n in failed]
        return self._drawn(visit) if self._total_weight else _OWN_URL, reasons

    def _drawn(self, visit: Visit) -> Choice:
        return self._variants[bisect_right(self._ends, _draw(self._variant, visit) * self._total_weight >> _BITS)]

    def _drawing(self, purpose: bytes) -> "hashlib.blake2b":
        """Each draw goes on from a copy, which has taken in the key, the link and the purpose."""
        return hashlib.blake2b(purpose, key=self._key, salt=self._salt, digest_size=_BITS // 8)

    def _tests(self, rule: o.Rule) -> Iterator[Test]:
        for n, condition in enumerate(rule.conditions):
            try:
                yield self._test(condition, f"{rule.name}\n{n}")
            except (ValueError, ZoneInfoNotFoundError) as error:
                # It was good when it was stored: time zones are removed now and then. Such a condition never holds.
                log.warning("condition_unreadable", rule=rule.name, condition=n, error=repr(error))
                yield lambda _: False

    def _test(self, condition: o.Condition, name: str) -> Test:  # noqa: C901
        match condition:
            case o.Device(values):
                devices = frozenset(values)
                return lambda visit: not devices.isdisjoint(visit.head.device)
            case o.Browser(values):
                browsers = frozenset(values)
                return lambda visit: visit.head.browser in browsers
            case o.Language(values):
                languages = frozenset(values)
                return lambda visit: not languages.isdisjoint(visit.head.spoken)
            case o.Country(values):
                countries = frozenset(values)
                return lambda visit: visit.place.country in countries
            case o.City(values):
                cities = frozenset(value.casefold() for value in values)
                return lambda visit: visit.place.city.casefold() in cities
            case o.Query():
                return _has_parameter(condition)
            case o.Network(values):
                return _is_in(map(parse_network, values))
            case o.Referrer(values):
                hosts = frozenset(values)
                return lambda visit: visit.referrer_host in hosts
            case o.Before(at):
                end_s = at.timestamp()
                return lambda visit: visit.now_s < end_s
            case o.After(at):
                start_s = at.timestamp()
                return lambda visit: visit.now_s >= start_s
            case o.Schedule():
                return _is_open(condition)
            case o.Sampled(percent):
                end, drawing = int(percent / 100 * 2**_BITS), self._drawing(b"s%b\n" % name.encode())
                return lambda visit: _draw(drawing, visit) < end
        raise AssertionError(condition)


def _draw(drawing: "hashlib.blake2b", visit: Visit) -> int:
    """A number of 64 bits that is always the same for this visitor."""
    own = drawing.copy()
    own.update(visit.key())
    return int.from_bytes(own.digest(), "big")


def _all(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def test(visit: Visit) -> bool:
        for each in tests:  # noqa: SIM110
            if not each(visit):
                return False
        return True

    return test


def _is_in(networks: Iterable[Network]) -> Test:
    values: dict[int, dict[int, set[int]]] = {}
    for length, mask, value in networks:
        values.setdefault(length, {}).setdefault(mask, set()).add(value)
    by_length = {length: tuple(of_length.items()) for length, of_length in values.items()}

    # Plain loops: generators would take longer than the comparisons.
    def test(visit: Visit) -> bool:
        for length, number in visit.numbered_addresses:
            for mask, found in by_length.get(length, ()):
                if number & mask in found:
                    return True
        return False

    return test


def _has_parameter(condition: o.Query) -> Test:
    name, wanted = condition.name, "" if condition.match == "empty" else condition.value
    if condition.match == "any":
        return lambda visit: name in visit.query
    return lambda visit: wanted in visit.query.get(name, ())


def _is_open(condition: o.Schedule) -> Test:
    zone = ZoneInfo(condition.time_zone)
    weekdays = frozenset(map(_WEEKDAYS.index, condition.weekdays))
    start, end = _minutes(condition.start), _minutes(condition.end)

    # The same for all requests of a minute, and time zones are slow to ask.
    @lru_cache(1)
    def is_open(minutes: int) -> bool:
        now = datetime.fromtimestamp(60 * minutes, zone)
        minute = 60 * now.hour + now.minute
        if start < end:
            return start <= minute < end and now.weekday() in weekdays
        # A moment after midnight belongs to the day before.
        day = now if minute >= start else now - timedelta(days=1)
        return (minute >= start or minute < end) and day.weekday() in weekdays

    return lambda visit: is_open(int(visit.now_s // 60))


def _minutes(text: str) -> int:
    return 60 * int(text[:2]) + int(text[3:])


def _why(condition: o.Condition, visit: Visit) -> str:  # noqa: C901
    match condition:
        case o.Device():
            return f"The device is {_listed(sorted(visit.head.device))}."
        case o.Browser():
            return f"The browser is {visit.head.browser}."
        case o.Language():
            return f"The visitor wants to read {_listed(visit.head.languages)}."
        case o.Country():
            return f"The country is {visit.place.country or 'unknown'}."
        case o.City():
            return f"The city is {visit.place.city or 'unknown'}."
        case o.Query(name):
            if name not in visit.query:
                return f"The query has no parameter {name}."
            return f"The parameter {name} has another value."
        case o.Network():
            return "The address is in none of the networks."
        case o.Referrer():
            return f"The referrer's host is {visit.referrer_host or 'unknown'}."
        case o.Before(at):
            return f"The moment is not before {at.isoformat()}."
        case o.After(at):
            return f"The moment is before {at.isoformat()}."
        case o.Schedule(time_zone=name):
            return _clock_in(name, visit.now_s)
        case o.Sampled(percent):
            return f"The visitor is not among the {percent:g} percent."
    raise AssertionError(condition)


def _clock_in(zone: str, now_s: float) -> str:
    try:
        now = datetime.fromtimestamp(now_s, ZoneInfo(zone))
    except (ValueError, ZoneInfoNotFoundError):
        return f"The time zone {zone} is not known."
    return f"In {zone} it is {_WEEKDAYS[now.weekday()]} {now:%H:%M}."


def _listed(values: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    return ", ".join(values) or "unknown"
