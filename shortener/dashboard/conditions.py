"""Conditions of rules as one line of text, which people can type, and back. Pure."""

from typing import Any

KINDS = (
    "device", "browser", "language", "country", "city", "query", "referrer", "network", "schedule", "before", "after",
    "sampled",
)  # fmt: skip
HINTS = {
    "device": "mobile, tablet",
    "browser": "firefox, safari",
    "language": "de, fr",
    "country": "DE, AT, CH",
    "city": "Berlin",
    "query": "ref=newsletter",
    "referrer": "news.example.com",
    "network": "203.0.113.0/24",
    "schedule": "mon, tue 09:00-17:00 Europe/Berlin",
    "before": "2026-12-24T18:00:00+01:00",
    "after": "2026-12-24T18:00:00+01:00",
    "sampled": "10",
}


def read_condition(kind: str, text: str) -> dict[str, Any]:
    """The condition as the API takes it. The API's own check finds mistakes."""
    text = text.strip()
    if kind in ("before", "after"):
        return {"type": kind, "at": text}
    if kind == "sampled":
        return {"type": kind, "percent": text.removesuffix("%").strip()}
    if kind == "query":
        name, equals, value = text.partition("=")
        match = "any" if not equals else "equals" if value else "empty"
        return {"type": kind, "name": name, "match": match} | ({"value": value} if match == "equals" else {})
    if kind == "schedule":
        days, times, zone = ("", *text.rsplit(None, 2))[-3:] if len(text.split()) > 2 else (text, "", "")
        start, _, end = times.partition("-")
        return {"type": kind, "weekdays": _list(days), "from": start, "to": end, "time_zone": zone}
    return {"type": kind, "values": _list(text)}


def write_condition(condition: dict[str, Any]) -> str:
    """The line of a condition that the API gives."""
    kind = condition["type"]
    if kind in ("before", "after"):
        return str(condition["at"])
    if kind == "sampled":
        return f"{condition['percent']:g}"
    if kind == "query":
        return str(condition["name"]) + {"any": "", "empty": "="}.get(condition["match"], f"={condition['value']}")
    if kind == "schedule":
        return f"{', '.join(condition['weekdays'])} {condition['from']}-{condition['to']} {condition['time_zone']}"
    return ", ".join(condition["values"])


def _list(text: str) -> list[str]:
    return [part for part in (part.strip() for part in text.split(",")) if part]
