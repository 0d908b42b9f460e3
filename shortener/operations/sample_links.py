"""Made-up links of a company: its shop, magazine, events and newsletters. The same ones for the same number."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import cycle
from operator import attrgetter
from random import Random
from typing import Any, NamedTuple

import asyncpg
import msgspec

from shortener.links.codes import Codes, is_reserved
from shortener.links.inserts import CodeTaken
from shortener.redirect.hosts import qualified
from shortener.redirect.options import Device, Language, Options, Rule, Utm, Variant
from shortener.tags.models import NO_WORKSPACE

DOMAIN = "go.nordwind.example"

_INSERT_SQL = """
    INSERT INTO links (code, url, title, note, created_at, updated_at, expires_at, is_disabled, is_archived, options,
        tag_ids, workspace_id)
    SELECT code, url, title, note, created_at, created_at, expires_at, is_disabled, is_archived, options, tag_ids,
        workspace_id
    FROM jsonb_to_recordset($1::text::jsonb) AS x (code text, url text, title text, note text, created_at timestamptz,
        expires_at timestamptz, is_disabled bool, is_archived bool, options jsonb, tag_ids bigint[], workspace_id uuid)
    ON CONFLICT DO NOTHING RETURNING id, code
"""
_ADMIN_SQL = """
    SELECT workspaces.id FROM workspaces JOIN users ON users.id = personal_user_id
    WHERE is_admin ORDER BY users.id LIMIT 1
"""
_DOMAIN_SQL = """
    INSERT INTO domains (host, workspace_id, token, verified_at, is_trusted) VALUES ($1, $2, $3, now(), true)
    ON CONFLICT DO NOTHING
"""
_HELD_SQL = "SELECT EXISTS (SELECT FROM domains WHERE host = $1 AND workspace_id = $2 AND verified_at IS NOT NULL)"
_TAGS_SQL = """
    INSERT INTO tags (workspace_id, name, color)
    SELECT $1, name, color FROM unnest($2::text[], $3::text[]) AS t (name, color)
    ON CONFLICT DO NOTHING
"""
_TAG_IDS_SQL = "SELECT name, id FROM tags WHERE workspace_id = $1 AND name = ANY($2::text[]) AND NOT is_gone"
_AT_ONCE = 10_000


class _Kind(NamedTuple):
    """A kind of destination. `{thing}` and `{slug}` stand for what it is about."""

    host: str
    path: str
    titles: tuple[str, ...]
    tags: tuple[str, ...]


_THINGS = (
    "Rain jacket Fjord", "Hiking boots Tind", "Down vest Skarv", "Tent for two", "Trekking poles", "Wool sweater Lofot",
    "Camping stove", "Sleeping bag 0 °C", "Backpack 35 l", "Kids’ rain set", "Thermos bottle", "Headlamp 400",
    "Merino base layer", "Ski goggles", "Climbing harness", "Bike panniers", "Sailing gloves", "Fleece Sund",
    "Picnic blanket", "Travel towel", "Trail running shoes", "Snowshoes", "Hammock", "Dry bag 20 l",
)  # fmt: skip
_PLACES = ("Hamburg", "Berlin", "Kiel", "Copenhagen", "Oslo", "Vienna", "Zürich", "Amsterdam", "Gothenburg", "Bergen")
_KINDS = {
    _Kind("shop.nordwind.example", "/products/{slug}", ("{thing}", "{thing} – now in green"), ("shop",)): 24,
    _Kind("shop.nordwind.example", "/sale/{slug}", ("Sale: {thing}", "{thing}, 30 % off"), ("shop", "sale")): 12,
    _Kind(
        "magazine.nordwind.example",
        "/2026/{slug}",
        ("We tried it: {thing}", "How we make the {thing}", "Five trips for your {thing}"),
        ("magazine",),
    ): 18,
    _Kind("www.nordwind.example", "/stores/{slug}", ("Store {place}", "Opening hours {place}"), ("print",)): 8,
    _Kind("events.nordwind.example", "/{slug}", ("Outdoor weekend {place}", "Repair café {place}"), ("event",)): 9,
    _Kind("jobs.nordwind.example", "/{slug}", ("Sales advisor, {place}", "Store manager, {place}"), ("jobs",)): 7,
    _Kind("help.nordwind.example", "/articles/{slug}", ("Wash your {thing}", "Repair: {thing}"), ("support",)): 9,
    _Kind("forms.nordwind.example", "/survey/{slug}", ("Survey: {thing}", "Product test: {thing}"), ("survey",)): 4,
    _Kind("press.nordwind.example", "/releases/{slug}", ("Press kit {place}", "New in {place}"), ("press", "print")): 4,
    _Kind("www.video.example", "/watch/{slug}", ("Video: {thing}",), ("social", "video")): 5,
}  # fmt: skip
_CAMPAIGNS = ("winter-sale", "spring-launch", "summer-festival", "back-to-school", "black-week")
_CHANNELS = (("newsletter", "email"), ("instagram", "social"), ("flyer", "print"), ("partner", "referral"))
_NOTES = (
    "Printed on 5,000 flyers.",
    "Agreed with marketing.",
    "Ask Mia before you change this.",
    "For the spring catalog.",
)
_COLORS = {
    "shop": "#1565c0", "sale": "#c62828", "magazine": "#6a1b9a", "print": "#5d4037", "event": "#2e7d32",
    "jobs": "#00838f", "support": "#ef6c00", "survey": "#ad1457", "press": "#37474f", "social": "#d81b60",
    "video": "#283593", "newsletter": "#00695c",
}  # fmt: skip


class SampleLink(NamedTuple):
    """The days of its creation and of its end, and its options."""

    id: int
    day: date
    end: date | None
    options: Options


class _Draft(NamedTuple):
    made_at: datetime
    expires_at: datetime | None
    options: Options
    row: dict[str, Any]


class _Places(NamedTuple):
    """The ids of tags by their names: of links without an owner, and of the workspace that holds the domain."""

    tags: dict[str, int]
    workspace: str | None
    workspace_tags: dict[str, int]


async def make_links(
    connection: asyncpg.Connection, chance: Random, number: int, codes: Codes, days: list[date]
) -> list[SampleLink]:
    """New links in the order of their days: one or more are there from the first day, and the others come over time."""
    places = await _places(connection)
    # In order, because lists are ordered by ids.
    moments = sorted([_moment(chance, days[:1]), *(_moment(chance, days) for _ in range(number - 1))])
    # Codes that are taken need more drafts.
    drafts = _drafts(chance, codes, places, cycle(moments))
    made: list[SampleLink] = []
    while len(made) < number:
        made += await _insert(connection, [next(drafts) for _ in range(min(number - len(made), _AT_ONCE))])
    return sorted(made, key=attrgetter("day"))


async def make_link(connection: asyncpg.Connection, code: str, day: date) -> SampleLink:
    """One plain link of this code. Raises CodeTaken."""
    row = {"code": code, "url": f"https://www.nordwind.example/{code}", "is_disabled": False, "is_archived": False}
    made = await _insert(connection, [_Draft(datetime.combine(day, time(), UTC), None, Options(), row)])
    if not made:
        raise CodeTaken(code)
    return made[0]


async def _insert(connection: asyncpg.Connection, drafts: list[_Draft]) -> list[SampleLink]:
    """Those whose codes were free."""
    written = [
        draft.row
        | {"created_at": draft.made_at.isoformat(), "expires_at": draft.expires_at and draft.expires_at.isoformat()}
        for draft in drafts
    ]
    rows = await connection.fetch(_INSERT_SQL, json.dumps(written))
    ids = {row["code"]: row["id"] for row in rows}
    return [
        SampleLink(
            ids.pop(draft.row["code"]),
            draft.made_at.date(),
            draft.expires_at and draft.expires_at.date(),
            draft.options,
        )
        for draft in drafts
        if draft.row["code"] in ids
    ]


async def _places(connection: asyncpg.Connection) -> _Places:
    """Links on a domain need a workspace: the first admin's, if nobody else has the domain."""
    workspace = await connection.fetchval(_ADMIN_SQL)
    if workspace is not None:
        await connection.execute(_DOMAIN_SQL, DOMAIN, workspace, "sample")
        if not await connection.fetchval(_HELD_SQL, DOMAIN, workspace):
            workspace = None
    tags = await _tags(connection, NO_WORKSPACE)
    return _Places(tags, workspace and str(workspace), await _tags(connection, workspace) if workspace else {})


async def _tags(connection: asyncpg.Connection, workspace: Any) -> dict[str, int]:
    await connection.execute(_TAGS_SQL, workspace, list(_COLORS), list(_COLORS.values()))
    return dict(await connection.fetch(_TAG_IDS_SQL, workspace, list(_COLORS)))


def _moment(chance: Random, days: list[date]) -> datetime:
    """Three of ten links are there from the first day."""
    day = days[0] if chance.random() < 0.3 else chance.choice(days)
    return datetime.combine(day, time(chance.randint(7, 17), chance.randrange(60), chance.randrange(60)), UTC)


def _drafts(chance: Random, codes: Codes, places: _Places, moments: Iterable[datetime]) -> Iterator[_Draft]:
    kinds, weights = list(_KINDS), list(_KINDS.values())
    seen: Counter[str] = Counter()
    for made_at in moments:
        [kind] = chance.choices(kinds, weights)
        about = {"thing": chance.choice(_THINGS), "place": chance.choice(_PLACES)}
        title = chance.choice(kind.titles).format(**about)
        slug = _slug(title)
        seen[slug] += 1
        slug += f"-{seen[slug]}" if seen[slug] > 1 else ""
        url = f"https://{kind.host}{kind.path.format(slug=slug)}"
        options = _options(chance, url)
        code = slug if chance.random() < 0.3 and len(slug) <= 40 else _code(chance, codes)
        tags = [*kind.tags, *(["newsletter"] if options.utm and options.utm.source == "newsletter" else [])]
        is_on_domain = places.workspace is not None and chance.random() < 0.1
        ids = places.workspace_tags if is_on_domain else places.tags
        row = {
            "code": qualified(code, DOMAIN if is_on_domain else None),
            "url": url,
            "title": title if chance.random() < 0.9 else None,
            "tag_ids": sorted(ids[tag] for tag in tags) if chance.random() < 0.8 else None,
            "options": None if options == Options() else msgspec.to_builtins(options),
            "workspace_id": places.workspace if is_on_domain else None,
            "is_disabled": chance.random() < 0.01,
            "is_archived": chance.random() < 0.03,
            "note": chance.choice(_NOTES) if chance.random() < 0.1 else None,
        }
        expires_at = made_at + timedelta(days=chance.randint(30, 500)) if chance.random() < 0.04 else None
        yield _Draft(made_at, expires_at, options, row)


def _options(chance: Random, url: str) -> Options:
    draw = chance.random()
    if draw < 0.05:
        phones = Rule("Phones", (Device(("mobile",)),), f"{url}?view=app")
        return Options(rules=(phones, Rule("German", (Language(("de",)),), f"{url}?lang=de")))
    if draw < 0.1:
        return Options(variants=(Variant("A", f"{url}?page=a", 1), Variant("B", f"{url}?page=b", 1)))
    if draw < 0.35:
        source, medium = chance.choice(_CHANNELS)
        return Options(utm=Utm(source, medium, chance.choice(_CAMPAIGNS)))
    return Options()


def _code(chance: Random, codes: Codes) -> str:
    while is_reserved(code := "".join(chance.choices(codes.alphabet, k=codes.length))):
        pass
    return code


def _slug(title: str) -> str:
    """Such as `store-zurich`."""
    plain = title.lower().translate(str.maketrans("üé", "ue", "°’"))
    return "-".join("".join(char if char.isalnum() else " " for char in plain).split())
