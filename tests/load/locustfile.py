"""Load against a running server: mostly redirects, some API. `make load`, or locust's web page with `locust -f`."""

import random

from locust import FastHttpUser, between, events, task
from locust.env import Environment

LINKS = 200
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    "Mobile Safari/537.36",
)
REFERRERS = ("", "https://news.ycombinator.com/", "https://www.google.com/", "https://t.co/abc")

codes: list[str] = []


@events.quitting.add_listener
def fail_on_errors(environment: Environment, **_: object) -> None:
    """The exit code tells whether each request was answered as it should be."""
    environment.process_exit_code = 1 if environment.stats.total.fail_ratio > 0 else 0


class Visitor(FastHttpUser):
    """Follows links, the first of them far more often than the last, as people do."""

    weight = 9
    wait_time = between(0, 0.01)

    def on_start(self) -> None:
        while len(codes) < LINKS:
            url = f"https://example.com/page/{len(codes)}?utm_source=load"
            codes.append(self.client.post("/api/v1/links", json={"url": url}, name="create").json()["code"])

    @task
    def follow(self) -> None:
        code = codes[min(int(random.paretovariate(1.1)) - 1, len(codes) - 1)]
        headers = {"User-Agent": random.choice(BROWSERS), "Referer": random.choice(REFERRERS)}
        with self.client.get(
            f"/{code}", headers=headers, allow_redirects=False, name="follow", catch_response=True
        ) as answer:
            if answer.status_code == 302:
                answer.success()
            else:
                answer.failure(f"status {answer.status_code}")


class Developer(FastHttpUser):
    """Creates links and reads figures."""

    weight = 1
    wait_time = between(0.05, 0.2)

    @task(3)
    def create(self) -> None:
        self.client.post("/api/v1/links", json={"url": "https://example.com/new"}, name="create")

    @task(2)
    def read_figures(self) -> None:
        if codes:
            self.client.get(f"/api/v1/links/{random.choice(codes)}/stats", name="stats")

    @task(1)
    def search(self) -> None:
        self.client.get("/api/v1/links?q=page&limit=50", name="list")
