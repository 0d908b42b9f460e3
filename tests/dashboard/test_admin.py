"""Pages for admins."""

import csv
import io

import pytest

from tests.accounts.conftest import EMAIL, register
from tests.conftest import client_of, eventually
from tests.dashboard.conftest import OWN

PAGES = ("reports", "bans", "links", "users", "audit", "audit.csv", "system")
CODE, HOST = "abc", "phish.example"


@pytest.fixture
async def admin(ada, database):
    """Ada's browser, after she was made an admin, and a link of hers."""
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE users SET is_admin = true")
    await ada.post("/-/logout")
    await ada.post("/-/login", data={"email": EMAIL, "password": "mauve giraffe cycles"})
    await ada.post("/-/links", data={"url": f"https://www.{HOST}/login", "code": CODE})
    return ada


async def report(client, code: str = CODE, **fields) -> None:
    body = {"code": code, "reason": "phishing", **fields}
    assert (await client.post("/api/v1/reports", json=body)).status_code == 202


async def test_who_is_no_admin_is_told_that_there_is_no_such_page(ada, server):
    unknown = await ada.get("/-/admin/nothing")
    for name in PAGES:
        answer = await ada.get(f"/-/admin/{name}")
        assert answer.status_code == 404
        assert answer.text == unknown.text.replace("/-/admin/nothing", f"/-/admin/{name}")
    for path in ("reports/1/resolve", "bans", "bans/1/lift", "links/abc/disable", "users/1/disable", "system/replay"):
        assert (await ada.post(f"/-/admin/{path}")).status_code == 404
    async with client_of(server, headers=OWN) as nobody:
        assert (await nobody.get("/-/admin/users")).status_code == 303
    assert "/-/admin" not in (await ada.get("/-/")).text


async def test_a_reported_link_is_banned_or_dismissed_and_leaves_the_queue(admin):
    await report(admin, comment="<b>It asks for my bank’s password.</b>")
    page = (await admin.get("/-/admin/reports")).text
    assert "1 link is waiting" in page
    assert "&lt;b&gt;It asks" in page
    answer = await admin.post("/-/admin/reports/1/resolve", data={"resolution": "dismissed"}, follow_redirects=True)
    assert "Nothing is waiting" in answer.text
    await report(admin)
    fields = {"resolution": "banned", "reason": "Reported as Phishing"}
    assert "Link banned" in (await admin.post("/-/admin/reports/2/resolve", data=fields, follow_redirects=True)).text
    assert (await admin.get(f"/{CODE}")).status_code == 410
    assert "Banned by ada@example.com" in (await admin.get("/-/admin/reports?resolved=1")).text
    assert "Reported as Phishing" in (await admin.get("/-/admin/bans")).text
    assert (await admin.post("/-/admin/reports/2/resolve", data=fields)).status_code == 409


async def test_a_reported_link_shows_what_feeds_say_of_its_destination(admin, database):
    await report(admin)
    sql = "INSERT INTO destination_checks (link_id, feed, verdict) SELECT id, $1, $2 FROM links WHERE code = 'abc'"
    async with database.driver_connection() as connection:
        for verdict in (("urlhaus", "listed"), ("web_risk", "unknown")):
            await connection.execute(sql, *verdict)
    page = (await admin.get("/-/admin/reports")).text
    assert "Listed by URLhaus" in page
    assert "Google Web Risk was not asked yet" in page


async def test_a_ban_of_a_host_says_how_many_links_lead_there_before_it_is_made(admin):
    fields = {"kind": "host", "value": f"{HOST}.", "reason": "phishing"}
    asked = await admin.post("/-/admin/bans", data=fields)
    assert "1 link leads to phish.example" in asked.text
    assert (await admin.get(f"/{CODE}")).status_code == 302
    answer = await admin.post("/-/admin/bans", data=fields | {"value": HOST, "sure": HOST}, follow_redirects=True)
    assert HOST in answer.text
    assert (await admin.get(f"/{CODE}")).status_code == 410
    await admin.post("/-/admin/bans/1/lift")
    assert (await admin.get(f"/{CODE}")).status_code == 302
    assert HOST in (await admin.get("/-/admin/bans?lifted=1")).text
    again = await admin.post("/-/admin/bans", data={"kind": "host", "value": "co.uk", "reason": "x", "sure": "co.uk"})
    assert 'name="force"' in again.text


async def test_everybodys_links_and_users_are_found_and_disabled(admin, server):
    async with client_of(server) as bob:
        account = await register(bob, "bob@example.com")
        assert CODE in (await admin.get("/-/admin/links?q=phish")).text
        assert CODE not in (await admin.get("/-/admin/links?q=nowhere")).text
        assert "abc disabled" in (await admin.post(f"/-/admin/links/{CODE}/disable", follow_redirects=True)).text
        assert (await bob.get(f"/{CODE}")).status_code == 410
        page = (await admin.get("/-/admin/users?q=bob")).text
        assert "bob@example.com" in page
        assert "User disabled" in (await admin.post("/-/admin/users/2/disable", follow_redirects=True)).text
        assert (await bob.get("/api/v1/me", headers=account.headers)).status_code == 401
        assert "lock themselves out" in (await admin.post("/-/admin/users/1/disable")).text


async def test_the_audit_log_is_filtered_on_the_page_and_in_its_file(admin):
    await admin.post(f"/-/admin/links/{CODE}/disable")
    page = (await admin.get("/-/admin/audit?action=link.changed&target=link:abc&from=2020-01-01&to=")).text
    assert page.count("<tr><td>") == 1
    assert "Nothing matches" in (await admin.get("/-/admin/audit?actor=user:77")).text
    answer = await admin.get("/-/admin/audit.csv?action=link.changed&actor=&target=&from=&to=")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    head, line = csv.reader(io.StringIO(answer.text))
    assert dict(zip(head, line, strict=True))["target"] == "link:abc"


async def test_the_system_page_shows_parts_limits_and_settings_but_no_secret(admin, settings):
    page = (await admin.get("/-/admin/system")).text
    assert "SHORTENER_LIMIT_REDIRECT" in page
    assert "SHORTENER_REGISTRATION" in page
    assert settings.secret_key.get_secret_value() not in page
    assert str(settings.database_url) not in page
    assert (await admin.post("/-/admin/system/replay")).headers["location"] == "/-/admin/system"


async def test_the_system_page_counts_what_the_dashboard_refused_today(admin):
    assert "Nothing" in (await admin.get("/-/admin/system")).text
    for _ in range(3):
        foreign = {"Sec-Fetch-Site": "cross-site"}
        assert (await admin.post("/-/links", headers=foreign)).status_code == 403

    async def is_shown() -> bool:
        page = (await admin.get("/-/admin/system")).text
        return "cross-site-request</code></dt><dd>3</dd>" in page

    await eventually(is_shown)
