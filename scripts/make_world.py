"""Makes the map of the dashboard from countries-110m.json of the npm package world-atlas (Natural Earth, in the public
domain): `python scripts/make_world.py countries-110m.json`. The map is committed, and changes with borders only."""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from babel import Locale

TARGET = Path(__file__).parents[1] / "shortener" / "dashboard" / "static" / "world.txt"
WIDTH = 960
# Equal Earth, by Šavrič, Patterson and Jenny.
A1, A2, A3, A4 = 1.340264, -0.081106, 0.000893, 0.003796
ROOT = math.sqrt(3) / 2
# Names of the file that CLDR writes otherwise. Those that are None have no code of their own.
CODES = {
    "United States of America": "US", "Dem. Rep. Congo": "CD", "Congo": "CG", "Dominican Rep.": "DO",
    "Falkland Is.": "FK", "Fr. S. Antarctic Lands": "TF", "Côte d'Ivoire": "CI", "Central African Rep.": "CF",
    "Eq. Guinea": "GQ", "Palestine": "PS", "Myanmar": "MM", "Solomon Is.": "SB", "Taiwan": "TW", "Czechia": "CZ",
    "W. Sahara": "EH", "eSwatini": "SZ", "Macedonia": "MK", "Bosnia and Herz.": "BA", "S. Sudan": "SS",
    "Turkey": "TR", "Trinidad and Tobago": "TT", "Kosovo": "XK", "Somaliland": "SO", "N. Cyprus": "CY",
    "Antarctica": None,
}  # fmt: skip

Point = tuple[int, int]
Place = tuple[float, float]


def project(longitude: float, latitude: float) -> tuple[float, float]:
    theta = math.asin(ROOT * math.sin(math.radians(latitude)))
    square = theta * theta
    sixth = square**3
    x = math.radians(longitude) * math.cos(theta) / (ROOT * (A1 + 3 * A2 * square + sixth * (7 * A3 + 9 * A4 * square)))
    y = theta * (A1 + A2 * square + sixth * (A3 + A4 * square))
    return x, y


SCALE = WIDTH / (2 * project(180, 0)[0])
TOP = project(0, 84)[1]


def arcs_of(world: dict) -> list[list[Place]]:
    """Arcs in degrees."""
    (sx, sy), (tx, ty) = world["transform"]["scale"], world["transform"]["translate"]
    arcs = []
    for arc in world["arcs"]:
        x = y = 0
        places: list[Place] = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            places.append((x * sx + tx, y * sy + ty))
        arcs.append(places)
    return arcs


def ring(arcs: list[list[Place]], numbers: Sequence[int]) -> list[Point]:
    """A ring in whole pixels: neighbours share its arcs, so that no gap opens between two countries. A ring across the
    antimeridian goes on beyond it."""
    places: list[Place] = []
    for number in numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        places += arc[1:] if places else arc
    points: list[Point] = []
    turned, before = 0, places[0][0]
    for longitude, latitude in places:
        turned += 360 if before - longitude > 180 else -360 if longitude - before > 180 else 0
        before = longitude
        x, y = project(longitude + turned, latitude)
        point = round(WIDTH / 2 + x * SCALE), round((TOP - y) * SCALE)
        if not points or points[-1] != point:
            points.append(point)
    if sum(x for x, _ in points) < 0:
        points = [(x + WIDTH, y) for x, y in points]
    return straightened(points)


def straightened(points: list[Point]) -> list[Point]:
    """Without points that lie on the line between their neighbours."""
    kept: list[Point] = []
    for n, (x, y) in enumerate(points):
        if kept and n + 1 < len(points):
            (ax, ay), (bx, by) = kept[-1], points[n + 1]
            if (x - ax) * (by - ay) == (y - ay) * (bx - ax):
                continue
        kept.append((x, y))
    return kept


def area(points: list[Point]) -> float:
    pairs = zip(points, points[1:] + points[:1], strict=True)
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs)) / 2


def path(points: list[Point]) -> str:
    """Relative steps, which are shorter than places."""
    x, y = points[0]
    text = f"M{x} {y}l"
    for px, py in points[1:-1]:
        dx, dy = px - x, py - y
        text += f"{'' if text[-1] == 'l' or dx < 0 else ' '}{dx}{'' if dy < 0 else ' '}{dy}"
        x, y = px, py
    return text + "z"


def countries(world: dict) -> Iterator[tuple[str, str]]:
    names = {str(name): code for code, name in Locale("en").territories.items() if len(code) == 2} | CODES
    arcs = arcs_of(world)
    for country in world["objects"]["countries"]["geometries"]:
        code = names[country["properties"]["name"]]
        polygons = [country["arcs"]] if country["type"] == "Polygon" else country["arcs"]
        rings = [ring(arcs, numbers) for polygon in polygons for numbers in polygon]
        rings = [points for points in rings if len(points) > 3 and area(points) >= 1]
        if code and rings:
            yield code, "".join(map(path, rings))


def main() -> None:
    found: dict[str, str] = {}
    for code, drawn in countries(json.loads(Path(sys.argv[1]).read_text())):
        found[code] = found.get(code, "") + drawn
    TARGET.write_text("".join(f"{code} {drawn}\n" for code, drawn in sorted(found.items())))
    print(len(found), "countries,", TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
