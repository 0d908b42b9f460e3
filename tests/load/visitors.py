"""A fixed rate of redirects, whatever is answered, by made-up visitors: links, browsers, referrers and addresses as
in life. Prints what was answered as JSON, a line each second and one at the end.
"""

import argparse
import csv
import gc
import itertools
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from tests.load import stock
from tests.load.client import Load, prepare

AGENTS = Path(__file__).parents[1] / "clicks" / "agents.tsv"
REFERRERS = (
    "https://www.google.com/",
    "https://news.ycombinator.com/item?id={}",
    "https://t.co/{}",
    "https://m.facebook.com/",
)
BOTS = 0.05
WITHOUT_REFERRER = 0.4
# Asked again and again in this order: making one takes longer than sending it.
REQUESTS = 200_000
VISITORS = 100_000


def make(host: str, links: int, count: int, visitors: int = VISITORS) -> Iterator[bytes]:
    """A link's rank decides how often it is followed (Zipf), as a browser's does; a visitor keeps to one browser."""
    with AGENTS.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    people = [row["user_agent"] for row in rows if row["taken_for"] == "person"]
    bots = [row["user_agent"] for row in rows if row["taken_for"] != "person" and row["user_agent"]]
    for _ in range(count):
        visitor = random.randrange(visitors)
        own = random.Random(visitor)
        agent = own.choice(bots) if own.random() < BOTS else people[_rank(len(people), own.random())]
        agent = re.sub(r"\b14[03]\.", f"{own.randrange(128, 145)}.", agent)
        address = f"{own.randrange(11, 100)}.{own.randrange(256)}.{own.randrange(256)}.{own.randrange(1, 255)}"
        headers = [f"User-Agent: {agent}", f"X-Forwarded-For: {address}", "Accept: text/html,*/*;q=0.8"]
        if random.random() > WITHOUT_REFERRER:
            headers.append(f"Referer: {random.choice(REFERRERS).format(random.randrange(1000))}")
        yield prepare(host, f"/{stock.code(_rank(links, random.random()))}", *headers)


def _rank(count: int, chance: float) -> int:
    """Below `count`: each about half as often as the one at half its place, where the chance is even in 0 to 1."""
    return int(count**chance) - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--links", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    options = parser.parse_args()
    url = urlsplit(options.url)
    asked = itertools.cycle(list(make(url.netloc, options.links, REQUESTS)))
    gc.freeze()
    gc.disable()
    load = Load(asked, options.seconds, rate=options.rate)
    running = load.run(
        str(url.hostname), url.port or 80, options.connections, lambda seen: print(json.dumps(seen), flush=True)
    )
    print(json.dumps(uvloop.run(running)), flush=True)


if __name__ == "__main__":
    main()
