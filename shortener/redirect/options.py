"""What people set on a link beyond its URL, as the redirect and the database hold it. A plain link has none of it."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

DeviceName: TypeAlias = Literal[
    "ios", "android", "mobile", "tablet", "desktop", "windows", "macos", "linux", "chromeos"
]
BrowserName: TypeAlias = Literal["chrome", "edge", "firefox", "safari", "opera", "samsung", "other"]
Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
RedirectStatus: TypeAlias = Literal[301, 302, 307, 308]
FOUND: RedirectStatus = 302
# Those that browsers may remember.
PERMANENT = frozenset((301, 308))


class _Condition(msgspec.Struct, frozen=True, tag_field="type", gc=False):
    """One thing that a request shows. Where a condition has `values`, one of them has to fit."""


class Device(_Condition, tag="device", frozen=True):
    """By User-Agent, and by client hints where they are sent. `mobile` are phones, not tablets."""

    values: tuple[DeviceName, ...]


class Browser(_Condition, tag="browser", frozen=True):
    values: tuple[BrowserName, ...]


class Language(_Condition, tag="language", frozen=True):
    """Language tags, lower case: `de` fits `de` and `de-AT`."""

    values: tuple[str, ...]


class Country(_Condition, tag="country", frozen=True):
    """ISO 3166 codes of two letters, upper case."""

    values: tuple[str, ...]


class City(_Condition, tag="city", frozen=True):
    """Names as the operator's geo database has them, compared without regard to case."""

    values: tuple[str, ...]


class Query(_Condition, tag="query", frozen=True):
    """A parameter of the request. `equals`: one of its values is `value`; `any`: it is there; `empty`: one of its
    values is empty."""

    name: str
    match: Literal["equals", "any", "empty"] = "equals"
    value: str | None = None


class Network(_Condition, tag="network", frozen=True):
    """CIDR, or IPv4 with `*` for whole parts."""

    values: tuple[str, ...]


class Referrer(_Condition, tag="referrer", frozen=True):
    """Host names in lower case, compared exactly."""

    values: tuple[str, ...]


class Before(_Condition, tag="before", frozen=True):
    at: datetime


class After(_Condition, tag="after", frozen=True):
    at: datetime


class Schedule(_Condition, tag="schedule", frozen=True):
    """From `start` to `end`, which is not included, as clocks in the time zone show it. Over midnight it belongs to the
    day on which it began. Both are written HH:MM; equal ones are the whole day."""

    weekdays: tuple[Weekday, ...]
    start: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")
    time_zone: str


class Sampled(_Condition, tag="sampled", frozen=True):
    """This share of visitors, each of whom gets the same answer every time."""

    percent: float


Condition: TypeAlias = (
    Device | Browser | Language | Country | City | Query | Network | Referrer | Before | After | Schedule | Sampled
)


class Rule(msgspec.Struct, frozen=True, gc=False):
    """Leads to `url` where all conditions hold. Without conditions it never does."""

    name: str
    conditions: tuple[Condition, ...] = msgspec.field(name="if")
    url: str


class Variant(msgspec.Struct, frozen=True, gc=False):
    """`weight` is relative to the sum of all variants' weights."""

    name: str
    url: str
    weight: int


class Utm(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    term: str | None = None
    content: str | None = None


class Preview(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Text and picture that link-preview agents are shown instead of a redirect."""

    title: str | None = None
    description: str | None = None
    image_url: str | None = None


class Options(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Members of a link that only some links have: the JSON of the column `links.options`."""

    fallback_url: str | None = None
    redirect_status: RedirectStatus = FOUND
    forward_query: bool = False
    forward_path: bool = False
    is_indexable: bool = False
    utm: Utm | None = None
    rules: tuple[Rule, ...] = ()
    variants: tuple[Variant, ...] = ()
    preview: Preview | None = None
    has_public_stats: bool = False

    def urls(self) -> list[str]:
        """Where else than to its own URL the link may lead."""
        fallback = [] if self.fallback_url is None else [self.fallback_url]
        return [*fallback, *(rule.url for rule in self.rules), *(variant.url for variant in self.variants)]


NO_OPTIONS = Options()


class Extras(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Settings that a plain link does not have. `starts_at_s` is in seconds since the epoch. `password_tag` is empty
    without a password, and another one for each password."""

    starts_at_s: float | None = None
    max_clicks: int | None = None
    password_tag: str = ""
    options: Options = NO_OPTIONS
