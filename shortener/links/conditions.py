"""Rules, variants and the like as the API takes and gives them. `redirect.options` has them as they are judged."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    model_validator,
)

from shortener.http.expiry import Moment
from shortener.http.json_body import RequestBody
from shortener.http.moments import known_zone
from shortener.redirect import options as stored
from shortener.redirect.networks import parse_network
from shortener.screening.hosts import read_host
from shortener.text import OneLine

MAX_RULES = 50
MAX_VARIANTS = 10
MAX_CONDITIONS = 20
MAX_VALUES = 100
# In the conditions of all rules: a page lists 100 links, and each of them is read between two redirects.
MAX_VALUES_OF_LINK = 500
MAX_WEIGHT = 1_000_000

# The context in which a model is validated whose values come from the database.
STORED = "stored"

_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,4}")

Url = Annotated[str, Field(examples=["https://example.com/app"])]
Name = Annotated[str, Field(min_length=1, max_length=100), OneLine]


def _language(tag: str) -> str:
    """Raises ValueError."""
    if _LANGUAGE.fullmatch(tag) is None:
        raise ValueError("not a language tag; use a form such as de or pt-BR")
    return tag.lower()


def _country(code: str) -> str:
    if re.fullmatch("[A-Za-z]{2}", code) is None:
        raise ValueError("not a country code; use a form such as DE")
    return code.upper()


def _network(text: str) -> str:
    parse_network(text)
    return text


def _read_by(read: Callable[[str], str]) -> AfterValidator:
    """Reads a value of a request. Values of the database have been read before, and 500 networks take milliseconds."""

    def validate(text: str, info: ValidationInfo) -> str:
        return text if info.context is STORED else read(text)

    return AfterValidator(validate)


Language = Annotated[str, _read_by(_language)]
Country = Annotated[str, _read_by(_country)]
City = Annotated[str, Field(min_length=1, max_length=100), OneLine]
Network = Annotated[str, Field(max_length=60), _read_by(_network)]
Host = Annotated[str, Field(max_length=300), _read_by(read_host)]
TimeZone = Annotated[str, _read_by(known_zone)]
TimeOfDay = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["09:00"])]
Parameter = Annotated[str, Field(min_length=1, max_length=100)]
T = TypeVar("T")
# One of them has to fit.
Values = Annotated[list[T], Field(min_length=1, max_length=MAX_VALUES)]


class _Condition(RequestBody):
    model_config = ConfigDict(populate_by_name=True)


class DeviceIs(_Condition):
    """`mobile` are phones, not tablets. By User-Agent, and by client hints where they are sent."""

    type: Literal["device"]
    values: Values[stored.DeviceName]


class BrowserIs(_Condition):
    type: Literal["browser"]
    values: Values[stored.BrowserName]


class LanguageIs(_Condition):
    """`de` fits `de` and `de-AT`, if the browser prefers no other language clearly."""

    type: Literal["language"]
    values: Values[Language]


class CountryIs(_Condition):
    type: Literal["country"]
    values: Values[Country]


class CityIs(_Condition):
    """Needs a geo database (SHORTENER_GEO_DATABASE)."""

    type: Literal["city"]
    values: Values[City]


class QueryHas(_Condition):
    """One of several parameters of the same name is enough."""

    type: Literal["query"]
    name: Parameter
    match: Literal["equals", "any", "empty"] = "equals"
    value: Annotated[str, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _has_value(self) -> Self:
        if (self.value is not None) != (self.match == "equals"):
            raise ValueError("`equals` needs a value; `any` and `empty` have none")
        return self


class NetworkIs(_Condition):
    """Networks in CIDR notation, or IPv4 addresses with `*` for whole parts."""

    type: Literal["network"]
    values: Values[Network]


class ReferrerIs(_Condition):
    """Host names, compared exactly."""

    type: Literal["referrer"]
    values: Values[Host]


class IsBefore(_Condition):
    type: Literal["before"]
    at: Moment


class IsAfter(_Condition):
    type: Literal["after"]
    at: Moment


class ScheduleIs(_Condition):
    """From `from` until `to`, which is not included. A span over midnight belongs to the day on which it began."""

    type: Literal["schedule"]
    weekdays: Annotated[list[stored.Weekday], Field(min_length=1, max_length=7)]
    start: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")
    time_zone: TimeZone


class IsSampled(_Condition):
    """This share of the visitors. Each gets the same answer every time."""

    type: Literal["sampled"]
    percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


def _tag(value: Any) -> str | None:
    """In errors it stands behind the condition's place, and is left out of the pointer for its colon."""
    type_ = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f":{type_}" if isinstance(type_, str) else None


Condition = Annotated[
    Annotated[DeviceIs, Tag(":device")]
    | Annotated[BrowserIs, Tag(":browser")]
    | Annotated[LanguageIs, Tag(":language")]
    | Annotated[CountryIs, Tag(":country")]
    | Annotated[CityIs, Tag(":city")]
    | Annotated[QueryHas, Tag(":query")]
    | Annotated[NetworkIs, Tag(":network")]
    | Annotated[ReferrerIs, Tag(":referrer")]
    | Annotated[IsBefore, Tag(":before")]
    | Annotated[IsAfter, Tag(":after")]
    | Annotated[ScheduleIs, Tag(":schedule")]
    | Annotated[IsSampled, Tag(":sampled")],
    Discriminator(
        _tag,
        custom_error_type="unknown_condition",
        custom_error_message="the type is not one of device, browser, language, country, city, query, network, "
        "referrer, before, after, schedule, sampled",
    ),
]


class Rule(_Condition):
    """Leads to `url` where all conditions hold. A rule without conditions never matches."""

    name: Name
    conditions: list[Condition] = Field(alias="if", max_length=MAX_CONDITIONS)
    url: Url


class Variant(RequestBody):
    """Of the clicks that no rule took, the share `weight` of the sum of all weights."""

    name: Name
    url: Url
    weight: int = Field(1, ge=0, le=MAX_WEIGHT)


_UtmValue = Annotated[str, Field(max_length=200), OneLine]


class Utm(RequestBody):
    """Added to the destination unless it has them."""

    source: _UtmValue | None = None
    medium: _UtmValue | None = None
    campaign: _UtmValue | None = None
    term: _UtmValue | None = None
    content: _UtmValue | None = None


class Preview(RequestBody):
    """Shown to link-preview agents instead of a redirect."""

    title: Annotated[str, Field(max_length=300), OneLine] | None = None
    description: Annotated[str, Field(max_length=1000), OneLine] | None = None
    image_url: Url | None = None


def _unique_names(parts: list[Any]) -> list[Any]:
    """Figures are by name. Raises ValueError."""
    names = [part.name for part in parts]
    if len(set(names)) < len(names):
        raise ValueError("two have the same name")
    return parts


def _members(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _few_values(rules: Any) -> Any:
    """Raises ValueError. Counts what was sent, before each value is read."""
    sent = rules if isinstance(rules, list) else []
    count = sum(len(_members(condition, "values")) for rule in sent for condition in _members(rule, "if"))
    if count > MAX_VALUES_OF_LINK:
        raise ValueError(f"the conditions have {count} values, and at most {MAX_VALUES_OF_LINK} are allowed in all")
    return rules


Rules = Annotated[list[Rule], Field(max_length=MAX_RULES), AfterValidator(_unique_names), BeforeValidator(_few_values)]
Variants = Annotated[list[Variant], Field(max_length=MAX_VARIANTS), AfterValidator(_unique_names)]
