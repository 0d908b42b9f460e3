"""Small geo databases, written as real ones are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet


def record(country: str, region: str = "", city: str = "") -> dict[str, Any]:
    """A record as GeoLite2-City has it; names in German differ from those in English."""
    found: dict[str, Any] = {"country": {"iso_code": country, "names": {"en": country}}}
    if region:
        found["subdivisions"] = [
            {"iso_code": "XX", "names": {"de": f"{region} (de)", "en": region}},
            {"names": {"en": "a part of it"}},
        ]
    if city:
        found["city"] = {"names": {"de": f"{city} (de)", "en": city}}
    return found


MUNICH = record("DE", "Bavaria", "Munich")
NETWORKS = {
    "198.51.100.0/24": MUNICH,
    "203.0.113.0/25": record("FR", "", "Lyon"),
    "203.0.113.128/25": record("BR"),
    "2001:db8:1::/48": record("JP", "Tokyo", "Tokyo"),
}


def write_database(path: Path, networks: Mapping[str, Any] = NETWORKS, ip_version: int = 6) -> None:
    """Replace the file at once, as `geoipupdate` does."""
    writer = MMDBWriter(ip_version, "GeoLite2-City", languages=["de", "en"], ipv4_compatible=ip_version == 6)
    for network, value in networks.items():
        writer.insert_network(IPSet([network]), value)
    new = path.with_name(f"{path.name}.new")
    writer.to_db_file(str(new))
    new.replace(path)
