"""Refusals are counted with the reason."""

from shortener.observability.metrics import REGISTRY
from tests.accounts.conftest import ME, OTHER_PASSWORD, log_in, register
from tests.conftest import changed, client_of, create_link, running_app
from tests.links.test_api import LINKS
from tests.moderation.conftest import ban

LISTED, APPLE = "https://listed.example/", "https://xn--80ak6aa92e.example/"


class Grown:
    """By how much counters have grown since it was made."""

    def __init__(self) -> None:
        self._before = self._read()

    def _read(self) -> dict[tuple, float]:
        return {
            (sample.name, *sample.labels.values()): sample.value
            for metric in REGISTRY.collect()
            for sample in metric.samples
            if sample.name.endswith("_total")
        }

    def __call__(self, name: str) -> dict[str, float]:
        """By its label, those that have."""
        now = self._read()
        grown = {key: value - self._before.get(key, 0) for key, value in now.items()}
        return {"".join(key[1:]): n for key, n in grown.items() if key[0] == f"shortener_{name}_total" and n}


async def test_refused_destinations_are_counted_by_reason(settings, admin, tmp_path):
    path = tmp_path / "hosts"
    path.write_text("listed.example")
    grown = Grown()
    async with running_app(changed(settings, block_list=path, look_alikes="refuse")) as app, client_of(app) as client:
        await ban(client, admin, "host", "banned.example")
        urls = [
            LISTED,
            "https://banned.example/",
            APPLE,
            "https://пaypal.example/",
            "https://münchen.example/",
            "ftp://x",
        ]
        for url in urls:
            assert (await client.post(LINKS, json={"url": url})).status_code == 422
        assert (await client.post(f"{LINKS}/bulk", json={"links": [{"url": LISTED}] * 3})).json()["failed"] == 3
    assert grown("destinations_refused") == {
        "block_list": 4,
        "banned": 1,
        "look-alike": 1,
        "mixed-scripts": 1,
        "punycode": 1,
        "invalid": 1,
    }


async def test_answers_for_banned_and_suspicious_links_and_to_banned_clients_are_counted(app, client, admin):
    await create_link(client, APPLE, code="fruit")
    await create_link(client, code="evil")
    await ban(client, admin, "link", "evil")
    await ban(client, admin, "client", "198.51.100.7")
    grown = Grown()
    for path in ("/fruit", "/fruit+", "/evil", "/evil+"):
        await client.get(path)
    await client.get((await client.get("/fruit")).json()["continue_url"])
    async with client_of(app, "198.51.100.7") as banned:
        await banned.get(LINKS)
    assert grown("redirects") == {"warned": 3, "banned": 2, "redirected": 1}
    assert grown("clients_refused") == {"": 1}


async def test_refused_logins_are_counted_by_reason_and_logged_without_the_address(client, admin, caplog):
    await register(client)
    await register(client, "eve@example.com")
    await ban(client, admin, "user", "eve@example.com")
    grown = Grown()
    for email, password in (("ada@example.com", OTHER_PASSWORD), ("eve@example.com", "x"), ("nobody@example.com", "x")):
        assert (await log_in(client, email, password)).status_code == 401
    for _ in range(9):
        await log_in(client, "ada@example.com", OTHER_PASSWORD)
    assert grown("logins_refused") == {
        "wrong_password": 8,
        "disabled": 1,
        "unknown_user": 1,
        "too_many_failures": 2,
    }
    logged = [str(record.msg) for record in caplog.records if "login_refused" in str(record.msg)]
    assert len(logged) == 12
    for secret in ("example.com", OTHER_PASSWORD, "203.0.113"):
        assert secret not in "".join(logged)
    assert (await client.get(ME)).status_code == 401
