"""Anybody can report a link and learns nothing by it; admins see what was said, and decide."""

import json

import pytest
from dirty_equals import IsNow, IsPartialDict

from shortener.moderation import reports
from shortener.moderation.schemas import ReportCasePage
from tests.conftest import changed, client_of, create_link, running_app
from tests.links.test_api import assert_problem
from tests.moderation.conftest import ADMIN, BANS, REPORTS, ROOT

QUEUE = f"{ADMIN}/reports"


async def report(client, code: str, reason: str = "phishing", comment: str | None = None):
    return await client.post(REPORTS, json={"code": code, "reason": reason, "comment": comment})


async def queue(client, admin, query: str = "") -> list[dict]:
    answer = await client.get(f"{QUEUE}{query}", headers=admin)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_the_answer_is_the_same_whether_or_not_there_is_such_a_link(client, admin):
    await create_link(client, code="abc")
    await create_link(client, code="gone")
    await client.delete("/api/v1/links/gone")
    answers = [await report(client, code) for code in ("abc", "gone", "nowhere", "abc")]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert len({str(sorted(answer.headers.items())) for answer in answers}) == 1
    assert [(case["code"], case["reports"]) for case in await queue(client, admin)] == [("abc", 2)]


async def test_a_link_can_be_named_by_its_short_url(client, admin):
    await create_link(client, code="abc")
    named = ("https://sho.rt/abc", "https://sho.rt/abc+", "https://SHO.rt/abc?x=1#y", "sho.rt/abc", " sho.rt/abc ")
    pasted = (
        "\u00a0https://sho.rt/abc\u200b\n",
        "http://sho.rt./abc",
        "https://sho.rt:443/abc).",
        "https://sho.rt//abc/",
        "https://sho.rt/abc/what/follows",
    )
    for url in (*named, *pasted):
        answer = await client.post(REPORTS, json={"short_url": url, "reason": "spam"})
        assert answer.status_code == 202, url
    elsewhere = ("https://example.com/abc", "abc", "https://sho.rt.example/abc", "https://[/abc")
    for url in (
        *elsewhere,
        "https://sho.rt/",
        "https://sho.rt/a\x00c",
        "https://sho.rt/ä€c",
        "ftp://sho.rt/abc",
    ):
        answer = await client.post(REPORTS, json={"short_url": url, "reason": "spam"})
        assert_problem(answer, 422, "not-our-url")
    assert [case["reports"] for case in await queue(client, admin)] == [10]


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "spam"},
        {"code": "abc", "short_url": "https://sho.rt/abc", "reason": "spam"},
        {"code": "abc"},
        {"code": "abc", "reason": "boring"},
        {"code": "a/b", "reason": "spam"},
        {"code": "abc", "reason": "spam", "comment": "x" * 1001},
        {"code": "abc", "reason": "spam", "comment": "\x00"},
        {"code": "abc", "reason": "spam", "email": "me@example.com"},
    ],
)
async def test_what_is_no_report_is_refused(client, body):
    assert_problem(await client.post(REPORTS, json=body), 422, "invalid-request")


async def test_admins_see_each_link_once_with_its_count_and_what_was_said(client, admin):
    for code in ("one", "two"):
        await create_link(client, f"https://example.com/{code}", code=code)
    await report(client, "one", "phishing", "asks for\r\nmy password\t!")
    await report(client, "two", "other")
    await report(client, "one", "malware", "")
    second, first = await queue(client, admin)
    assert first == {
        "id": first["id"],
        "code": "one",
        "url": "https://example.com/one",
        "owners": [],
        "banned": False,
        "reports": 2,
        "opened_at": IsNow(iso_string=True, tz="UTC", delta=10),
        "last_at": IsNow(iso_string=True, tz="UTC", delta=10),
        "said": [
            IsPartialDict(reason="phishing", comment="asks for my password !"),
            IsPartialDict(reason="malware", comment=None),
        ],
        "resolved_at": None,
        "resolved_by": None,
        "resolution": None,
    }
    assert second == IsPartialDict(code="two", reports=1)
    page = (await client.get(f"{QUEUE}?limit=1", headers=admin)).json()
    assert (page["total"], page["items"]) == (2, [second])
    assert (await client.get(page["next"], headers=admin)).json()["items"] == [first]


async def test_reports_are_written_as_the_document_describes_them(client, admin):
    for code in ("abc", "def"):
        await create_link(client, code=code)
        for comment in ('"quoted" \\ ü 🐳', None):
            await report(client, code, comment=comment)
    await create_link(client, code="ghi")
    await report(client, "ghi")
    answer = await client.get(f"{QUEUE}?limit=2", headers=admin)
    assert (answer.headers["content-type"], int(answer.headers["content-length"])) == (
        "application/json",
        len(answer.content),
    )
    page = ReportCasePage.model_validate_json(answer.content)
    assert answer.json() == json.loads(page.model_dump_json())
    assert [said.comment for said in page.items[1].said] == ['"quoted" \\ ü 🐳', None]
    operation = (await client.get("/openapi.json")).json()["paths"][QUEUE]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/ReportCasePage"}


async def test_an_admin_bans_or_dismisses_and_the_next_report_opens_another_case(client, admin):
    for code in ("bad", "good"):
        await create_link(client, code=code)
        for _ in range(3):
            await report(client, code)
    good, bad = await queue(client, admin)
    for case, resolution in ((good, "dismissed"), (bad, "banned")):
        path = f"{QUEUE}/{case['id']}/resolve"
        answer = await client.post(path, json={"resolution": resolution}, headers=admin)
        assert answer.status_code == 204, answer.text
        assert_problem(await client.post(path, json={"resolution": "banned"}, headers=admin), 409, "already-resolved")
    assert [(await client.get(f"/{code}")).status_code for code in ("good", "bad")] == [302, 410]
    bans = (await client.get(BANS, headers=admin)).json()["items"]
    assert bans == [IsPartialDict(kind="link", value="bad", reason="Reported 3 times", created_by=ROOT)]
    assert await queue(client, admin) == []
    resolved = await queue(client, admin, "?resolved=true")
    assert [(case["code"], case["resolution"], case["resolved_by"]) for case in resolved] == [
        ("good", "dismissed", ROOT),
        ("bad", "banned", ROOT),
    ]
    await report(client, "good")
    assert [(case["code"], case["reports"]) for case in await queue(client, admin)] == [("good", 1)]
    assert_problem(
        await client.post(f"{QUEUE}/404/resolve", json={"resolution": "banned"}, headers=admin), 404, "report-not-found"
    )


async def test_a_link_that_is_banned_already_can_be_resolved_as_banned(client, admin):
    await create_link(client, code="bad")
    await report(client, "bad")
    await client.post(BANS, json={"kind": "link", "value": "bad", "reason": "x"}, headers=admin)
    case = (await queue(client, admin))[0]
    assert case["banned"] is True
    path = f"{QUEUE}/{case['id']}/resolve"
    assert (await client.post(path, json={"resolution": "banned"}, headers=admin)).status_code == 204


async def test_a_flood_of_reports_is_counted_and_not_kept(client, admin, monkeypatch):
    monkeypatch.setattr(reports, "MAX_KEPT", 3)
    await create_link(client, code="abc")
    for n in range(5):
        await report(client, "abc", comment=f"{n}")
    case = (await queue(client, admin))[0]
    assert (case["reports"], [said["comment"] for said in case["said"]]) == (5, ["0", "1", "2"])


async def test_reports_are_limited_as_logins_are_with_and_without_redis(settings):
    for redis_url in (settings.redis_url, "redis://127.0.0.1:1"):
        limited = changed(settings, limit_login="3/minute", redis_url=redis_url)
        async with running_app(limited) as app, client_of(app) as client:
            assert [(await report(client, "abc")).status_code for _ in range(5)] == [202] * 3 + [429] * 2


async def test_who_reports_is_kept_nowhere(client, admin, database):
    await create_link(client, code="abc")
    await report(client, "abc", comment="bad")
    async with database.driver_connection() as connection:
        for table in ("reports", "report_cases"):
            rows = await connection.fetch(f"SELECT t::text AS row FROM {table} t")
            assert rows
            assert "203.0.113" not in "".join(row["row"] for row in rows)
