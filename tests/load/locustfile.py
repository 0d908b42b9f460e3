"""The users of a mixed load: visitors follow links, developers create, edit, list and measure them.

`make load` runs it (tests/load/mixed.py); so does `locust -f tests/load/locustfile.py --host …`. The links that are
followed are made by one bulk request before the users start.
"""

import itertools
import os
import random
from collections import Counter

from locust import FastHttpUser, between, events, task
from locust.env import Environment
from locust.exception import RescheduleTask
from requests import Response, Session

LINKS = 200
FOLLOW, CREATE, EDIT, LIST, FIGURES = "follow", "create", "edit", "list", "figures"
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    "Mobile Safari/537.36",
)
REFERRERS = ("", "https://news.ycombinator.com/", "https://www.google.com/", "https://t.co/abc")
_LIMITED = 429


class LoadRefused(Exception):
    """The links cannot be made; the message says what to do."""


class Links:
    """The links of one run: those that are followed, and how often each was."""

    def __init__(self) -> None:
        self.name = f"load-{os.urandom(6).hex()}"
        self.codes: list[str] = []
        self.followed: Counter[str] = Counter()
        self.allow_anonymous = False
        # Link n is followed 1/n times as often as the first.
        self._weights = list(itertools.accumulate(1 / n for n in range(1, LINKS + 1)))

    def make(self, host: str, key: str | None) -> None:
        """Raises LoadRefused."""
        self.codes.clear()
        self.followed.clear()
        bodies = [{"url": f"https://example.com/page/{n}?utm_source=load", "title": self.name} for n in range(LINKS)]
        with Session() as session:
            answer = session.post(f"{host}/api/v1/links/bulk", json={"links": bodies}, headers=credential(key))
            if not answer.ok:
                raise LoadRefused(_advice(answer, key))
            without_key = session.post(f"{host}/api/v1/links", json={"url": bodies[0]["url"]})
            self.allow_anonymous = without_key.status_code == 201
        self.codes += [item["link"]["code"] for item in answer.json()["results"]]

    def pick(self) -> str:
        return random.choices(self.codes, cum_weights=self._weights)[0]

    def counted(self, host: str, key: str | None) -> Counter[str]:
        """The clicks that the server has counted, by code."""
        clicks: Counter[str] = Counter()
        page: str | None = f"{host}/api/v1/links?q={self.name}&limit=100"
        with Session() as session:
            while page is not None:
                answer = session.get(page, headers=credential(key))
                answer.raise_for_status()
                found = answer.json()
                clicks.update({item["code"]: item["clicks"] for item in found["items"]})
                page = host + found["next"] if found["next"] else None
        return clicks


def credential(key: str | None) -> dict[str, str]:
    return {"X-API-Key": key} if key else {}


def _advice(answer: Response, key: str | None) -> str:
    if answer.status_code == 401 and key is None:
        return "The server makes no links without a key. Give one: make load HOST=… KEY=shr_…"
    if answer.status_code == _LIMITED:
        return f"The server's limits refuse to make links. Wait {answer.headers.get('Retry-After', '60')} seconds."
    return f"The server does not make the links: {answer.status_code} {answer.text[:500]}"


def key_of_run() -> str | None:
    return os.environ.get("LOAD_KEY") or None


links = Links()


@events.test_start.add_listener
def make_links(environment: Environment, **_: object) -> None:
    links.make(str(environment.host).rstrip("/"), key_of_run())


@events.quitting.add_listener
def fail_on_errors(environment: Environment, **_: object) -> None:
    """The exit code tells whether each request was answered as it should be."""
    environment.process_exit_code = 1 if environment.stats.total.fail_ratio > 0 else 0


class Visitor(FastHttpUser):
    """Follows links by Zipf's law: the first far more often than the last, as people do."""

    weight = 9
    wait_time = between(0, 0.01)

    @task
    def follow(self) -> None:
        code = links.pick()
        headers = {"User-Agent": random.choice(BROWSERS), "Referer": random.choice(REFERRERS)}
        with self.client.get(
            f"/{code}", headers=headers, allow_redirects=False, name=FOLLOW, catch_response=True
        ) as answer:
            if answer.status_code == 302:
                links.followed[code] += 1
                answer.success()
            else:
                answer.failure(f"status {answer.status_code}")


class Developer(FastHttpUser):
    """Creates, edits and lists links and reads their figures. Every second one does so without a key, where the server
    allows that."""

    weight = 1
    wait_time = between(0.05, 0.2)
    _numbers = itertools.count()

    def on_start(self) -> None:
        with_key = next(self._numbers) % 2 == 0 or not links.allow_anonymous
        self.headers = credential(key_of_run() if with_key else None)
        self.own: list[str] = []

    @task(3)
    def create(self) -> None:
        body = {"url": f"https://example.com/new/{random.randrange(10**9)}"}
        with self.client.post(
            "/api/v1/links", json=body, headers=self.headers, name=CREATE, catch_response=True
        ) as answer:
            if answer.status_code == 201:
                self.own.append(answer.json()["code"])
                answer.success()
            else:
                answer.failure(f"status {answer.status_code}")

    @task(1)
    def edit(self) -> None:
        change = {"title": f"Edited {random.randrange(1000)}"}
        self.client.patch(f"/api/v1/links/{self._own_code()}", json=change, headers=self.headers, name=EDIT)

    @task(1)
    def search(self) -> None:
        self.client.get("/api/v1/links?q=page&limit=50", headers=self.headers, name=LIST)

    @task(2)
    def read_figures(self) -> None:
        self.client.get(f"/api/v1/links/{self._own_code()}/stats", headers=self.headers, name=FIGURES)

    def _own_code(self) -> str:
        if not self.own:
            raise RescheduleTask
        return random.choice(self.own)
