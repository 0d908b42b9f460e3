"""People hear of news once, and mark it as read."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shortener.clicks.event import Choice, new_batch
from shortener.stores.parts import DATABASE, REDIS
from tests.clicks.make import click, rows_of, write
from tests.conftest import job_context
from tests.workspaces.conftest import LINKS, URL, Person
from workers import notifications as jobs
from workers.retention import delete_expired_notifications

ME = "/api/v1/me/notifications"
Work = Callable[[], Awaitable[Any]]


@pytest.fixture
def ctx(settings, database, redis) -> dict[str, Any]:
    return job_context(settings, {DATABASE: database, REDIS: redis})


@pytest.fixture
def work(ctx) -> Work:
    """Runs the worker's jobs once."""

    async def run() -> None:
        await jobs.note_expiring_links(ctx)
        await jobs.deliver_news(ctx)

    return run


async def told(who: Person) -> list[tuple[str, int | None]]:
    return [(item["kind"], item["clicks"]) for item in (await who.get(ME))["items"] if item["kind"] != "invited"]


async def number_of(database, code: str) -> int:
    [(link_id,)] = await rows_of(database, "SELECT id FROM links WHERE code = $1", code)
    return link_id


async def test_marks_of_clicks_are_told_once_to_those_who_can_change_the_link(ada, bob, shared, database, work):
    await ada.share(shared, bob=(bob, "viewer"))
    link_id = await number_of(database, (await ada.post(LINKS, url=URL, workspace=shared))["code"])
    for clicks, expected in (
        (1, [("first_click", 1)]),
        (98, []),
        (1, [("clicks", 100)]),
        (899, []),
        (1, [("clicks", 1000)]),
        (9000, [("clicks", 10000)]),
    ):
        before = await told(ada)
        await write(database, new_batch([click(link_id) for _ in range(clicks)]))
        assert await rows_of(database, "SELECT count(*) FROM link_news") == [(len(expected),)]
        await work()
        assert await told(ada) == expected + before
    assert await told(bob) == []


async def test_bots_reach_no_mark(ada, database, work):
    link_id = await number_of(database, (await ada.post(LINKS, url=URL))["code"])
    await write(database, new_batch([click(link_id, user_agent="Googlebot/2.1") for _ in range(100)]))
    await work()
    assert await told(ada) == []


async def test_a_batch_that_comes_again_reaches_no_mark_again(ada, database, work):
    link_id = await number_of(database, (await ada.post(LINKS, url=URL))["code"])
    batch = new_batch([click(link_id)])
    await asyncio.gather(*(write(database, batch) for _ in range(3)))
    assert await rows_of(database, "SELECT count(*) FROM link_news") == [(1,)]
    await work()
    assert await told(ada) == [("first_click", 1)]


async def test_a_link_that_expires_is_announced_and_told_once(ada, database, work, redis):
    now = datetime.now(UTC)
    for code, hours in (("soon", 71.9), ("later", 80), ("short", 1)):
        await ada.post(LINKS, url=URL, code=code, expires_at=(now + timedelta(hours=hours)).isoformat())
    await redis.set(jobs._LOOKED_KEY, (now - timedelta(hours=1)).timestamp())
    await work()
    assert [item["link"]["code"] for item in (await ada.get(ME))["items"]] == ["soon"]
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE links SET expires_at = now() - interval '1 second' WHERE code = 'short'")
    for _ in range(3):
        await work()
    items = (await ada.get(ME))["items"]
    assert [(item["kind"], item["link"]["code"]) for item in items] == [("expired", "short"), ("expiring", "soon")]


async def test_a_link_that_is_used_up_is_told_when_its_last_click_is_counted(ada, database, work):
    link_id = await number_of(database, (await ada.post(LINKS, url=URL, code="few", max_clicks=2))["code"])
    for expected in ([("first_click", 1)], [("used_up", None), ("first_click", 1)]):
        async with database.driver_connection() as connection:
            await connection.execute("UPDATE click_limits SET used = used + 1")
        await write(database, new_batch([click(link_id, choice=Choice(is_charged=True))]))
        await work()
        assert await told(ada) == expected


async def test_a_link_that_is_reported_and_banned_is_told_once_each(ada, eve, database, work, client):
    await ada.post(LINKS, url=URL, code="bad")
    for _ in range(2):
        report = await client.post("/api/v1/reports", json={"code": "bad", "reason": "spam"})
        assert report.status_code == 202
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE users SET is_admin = true WHERE email = 'eve@example.com'")
    await eve.post("/api/v1/admin/bans", kind="link", value="bad", reason="spam")
    await work()
    assert sorted(kind for kind, _ in await told(ada)) == ["banned", "reported"]


async def test_who_is_invited_is_told_if_they_have_an_account(ada, bob, shared):
    await ada.invite(bob, shared, "editor")
    [item] = (await bob.get(ME))["items"]
    assert (item["kind"], item["workspace"], item["by"], item["link"]) == ("invited", shared, ada.email, None)
    assert (
        await ada.status(
            "POST", "/api/v1/invitations", json={"email": "new@example.com", "workspace": shared, "role": "viewer"}
        )
        == 201
    )


async def test_nobody_is_told_what_they_do_not_want_to_hear_of(ada, database, work):
    assert all((await ada.get(f"{ME}/settings")).values())
    changed = await ada.ask("PATCH", f"{ME}/settings", json={"first_click": False})
    assert [kind for kind, is_wanted in changed.json().items() if not is_wanted] == ["first_click"]
    link_id = await number_of(database, (await ada.post(LINKS, url=URL))["code"])
    await write(database, new_batch([click(link_id)]))
    await work()
    assert await told(ada) == []
    assert (await ada.get(f"{ME}/settings"))["first_click"] is False
    await ada.ask("PATCH", f"{ME}/settings", json={"first_click": True})
    assert all((await ada.get(f"{ME}/settings")).values())


async def test_unwanted_mentions_and_invitations_are_not_told(ada, bob, shared):
    await bob.ask("PATCH", f"{ME}/settings", json={"invited": False})
    await ada.invite(bob, shared, "editor")
    assert (await bob.get(ME))["items"] == []


async def test_each_marks_only_their_own_as_read_and_unread(ada, bob, shared):
    for n in range(3):
        space = (await ada.post("/api/v1/workspaces", name=f"Space {n}"))["id"]
        await ada.invite(bob, space, "viewer")
    page = await bob.get(ME)
    ids = [item["id"] for item in page["items"]]
    assert page["unread"] == 3
    for who, body, left in (
        (ada, {"read": True, "ids": ids}, 0),
        (bob, {"read": True, "ids": ids[:1]}, 2),
        (bob, {"read": True}, 0),
        (bob, {"read": False, "ids": ids[:2]}, 2),
    ):
        assert (await who.ask("PATCH", ME, json=body)).json() == {"unread": left}
    unread = (await bob.get(f"{ME}?unread=true"))["items"]
    assert {item["id"] for item in unread} == set(ids[:2])


async def test_notifications_go_with_the_account_and_comments_stay_without_a_name(ada, bob, shared, database):
    await ada.share(shared, bob=(bob, "editor"))
    await ada.post(LINKS, url=URL, code="sale", workspace=shared)
    await bob.post(f"{LINKS}/sale/comments", text="goodbye, @ada")
    assert await bob.status("POST", "/api/v1/me/delete", json={"password": "mauve giraffe cycles"}) == 204
    [comment] = (await ada.get(f"{LINKS}/sale/comments"))["items"]
    assert (comment["author"], comment["text"]) == (None, "goodbye, @ada")
    [told_ada] = (await ada.get(ME))["items"]
    assert (told_ada["kind"], told_ada["by"]) == ("mentioned", None)


async def test_old_notifications_are_deleted_and_leave_a_mark(ada, bob, shared, database, ctx):
    await ada.invite(bob, shared, "viewer")
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE notifications SET number = 7, created_at = now() - interval '91 days'")
    assert await delete_expired_notifications(ctx) == 1
    assert (await bob.get(ME))["items"] == []
    assert await rows_of(database, "SELECT number FROM live_mark") == [(7,)]


async def test_a_deleted_link_is_told_of_to_nobody(ada, database, work):
    link_id = await number_of(database, (await ada.post(LINKS, url=URL, code="gone"))["code"])
    await write(database, new_batch([click(link_id)]))
    await ada.ask("DELETE", f"{LINKS}/gone")
    await work()
    assert await told(ada) == []
