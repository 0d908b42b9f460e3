"""Clicks as a busy installation has them, the same ones for the same seed."""

import csv
import random
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

from shortener.clicks.event import Batch, Click, Mark, new_batch
from shortener.operations.sample_clicks import HOSTS

T = TypeVar("T")

LINKS = 10_000
HOT_SHARE = 0.2
CLIENTS = 50_000
AGENTS = 3_000
DIRECT_SHARE = 0.4
PAGES = 5_000
BATCH = 50
LANGUAGES = [f"{each}-{each.upper()},{each};q=0.9,en;q=0.8".encode() for each in ("en", "de", "fr", "es", "it", "ja")]
CAMPAIGNS = [b"spring", b"newsletter", b"mail", b"partner", b"flyer"]
# So long a time the clicks cover, up to now.
SPAN_S = 60.0

_AGENTS = Path(__file__).parents[1] / "clicks" / "agents.tsv"
_KINDS = {"person": 0.88, "crawler": 0.09, "preview": 0.03}


class Traffic:
    """A fifth of the clicks follow one link, the others ten thousand links, few of them often. Clients have an address
    and a User-Agent each, of which some thousands differ; some are bots. Four in ten clicks have no referrer,
    one in ten no language, and one in ten a campaign."""

    def __init__(self, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self._links = list(accumulate(1 / n for n in range(1, LINKS + 1)))
        agents = self._agents()
        self._clients = [(self._address(), self._often(agents)) for _ in range(CLIENTS)]
        self._pages = [f"https://{self._often(HOSTS[1:])}/{self._chance.randrange(10**6)}/page" for _ in range(PAGES)]

    def batches(self, clicks: int) -> Iterator[Batch]:
        """In the order of time, as the stream has them."""
        since_ms = int((time.time() - SPAN_S) * 1000)
        for first in range(0, clicks, BATCH):
            numbers = range(first, min(first + BATCH, clicks))
            yield new_batch([self._click(since_ms + int(n * SPAN_S * 1000 / clicks)) for n in numbers])

    def _click(self, at_ms: int) -> Click:
        chance = self._chance
        if chance.random() < HOT_SHARE:
            link = LINKS + 1
        else:
            [link] = chance.choices(range(1, LINKS + 1), cum_weights=self._links)
        address, agent = chance.choice(self._clients)
        referrer = "" if chance.random() < DIRECT_SHARE else self._often(self._pages)
        mark = Mark.HEAD if chance.random() < 0.01 else Mark.NONE
        return Click(link, at_ms, address, agent, referrer, mark, query=self._query(), languages=self._language())

    def _query(self) -> bytes:
        return b"" if self._chance.random() < 0.9 else b"utm_medium=email&utm_source=" + self._often(CAMPAIGNS)

    def _language(self) -> bytes:
        return b"" if self._chance.random() < 0.1 else self._often(LANGUAGES)

    def _often(self, values: list[T]) -> T:
        """The first of them far more often than the last."""
        return values[int(self._chance.random() ** 3 * len(values))]

    def _agents(self) -> list[str]:
        """Those of the golden table, each in several versions."""
        with open(_AGENTS, newline="") as file:
            rows = [row for row in csv.DictReader(file, delimiter="\t") if row["user_agent"] != "-"]
        found = []
        for _ in range(AGENTS):
            [kind] = self._chance.choices(list(_KINDS), list(_KINDS.values()))
            text = self._often([row["user_agent"] for row in rows if row["taken_for"] == kind])
            found.append(text.replace("0.0.0", f"0.{self._chance.randrange(7000)}.{self._chance.randrange(200)}"))
        return found

    def _address(self) -> str:
        if self._chance.random() < 0.3:
            return str(IPv6Address((0x2A02 << 112) + self._chance.getrandbits(108)))
        return str(IPv4Address(self._chance.randrange(1 << 24, 224 << 24)))
