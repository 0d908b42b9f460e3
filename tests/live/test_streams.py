"""Server-sent events: what listeners hear, what they may hear, and what they missed."""

import asyncio
import json
import random
import uuid

from shortener.http.parts import STOPPING
from shortener.live import follower, hub, listener, messages
from shortener.live.history import number_new
from shortener.live.parts import DOORS, HUB
from tests.accounts.conftest import logged_in, two_processes
from tests.clicks.make import click
from tests.conftest import changed, client_of, eventually, running_app
from tests.links.test_api import assert_problem
from tests.live.listening import LIVE, listening
from tests.workspaces.conftest import LINKS, URL, person

# Comments


async def test_everybody_who_has_the_link_open_hears_of_a_comment(app, ada, bob, place, worker):
    async with (
        listening(app, ada.account.headers, place.of_link) as one,
        listening(app, bob.account.headers, place.of_workspace) as other,
    ):
        made = await bob.post(f"{place.path}/comments", text="hello")
        for heard in (await one.next(), await other.next()):
            assert (heard["type"], heard["data"]) == ("comment.created", made)
        await bob.ask("PATCH", f"{place.path}/comments/{made['id']}", json={"text": "hello again"})
        assert (await one.next())["data"]["text"] == "hello again"
        await bob.ask("DELETE", f"{place.path}/comments/{made['id']}")
        gone = await one.next()
        assert (gone["type"], gone["data"]) == ("comment.deleted", {"id": made["id"], "link": place.link})


async def test_a_comment_is_heard_in_every_process(ada, settings, worker):
    async with two_processes(settings) as two:
        made = await ada.post(LINKS, url=URL, code="far")
        async with listening(two.apps[0], ada.account.headers, f"link:{made['id']}") as one:
            await ada.ask("POST", f"{LINKS}/far/comments", client=two.other, json={"text": "from afar"})
            assert (await one.next("comment.created"))["data"]["text"] == "from afar"


async def test_notifications_are_heard_by_their_user_only(app, ada, bob, place, worker):
    async with (
        listening(app, ada.account.headers, "me") as of_ada,
        listening(app, bob.account.headers, "me") as of_bob,
    ):
        await ada.post(f"{place.path}/comments", text="@bob look")
        heard = await of_bob.next()
        if heard["data"]["kind"] == "invited":
            heard = await of_bob.next()
        kind, by = heard["data"]["kind"], heard["data"]["by"]
        assert (heard["type"], kind, by) == ("notification.created", "mentioned", ada.email)
        [listed] = (await bob.get("/api/v1/me/notifications?limit=1"))["items"]
        assert heard["data"] == listed
        assert await of_ada.types() == []


async def test_who_comes_back_hears_what_was_missed_without_a_gap_or_a_double(app, ada, place, worker):
    texts = []

    async def comment() -> None:
        text = f"comment {len(texts)}"
        texts.append(text)
        await ada.post(f"{place.path}/comments", text=text)

    heard, last = [], None
    for _ in range(4):
        query = {} if last is None else {"after": last}
        talking = asyncio.create_task(comment())
        async with listening(app, ada.account.headers, place.of_link, **query) as one:
            last = one.ready["id"] if last is None else last
            await talking
            await comment()
            for message in await one.rest():
                heard.append(message["data"]["text"])
                last = message["id"]
        await comment()
    async with listening(app, ada.account.headers, place.of_link, after=last) as one:
        while texts[-1] not in heard:
            heard.append((await one.next("comment.created"))["data"]["text"])
        assert await one.types() == []
    # The first comment may have been made before the first listener was ready.
    assert sorted(heard, key=texts.index) == heard
    assert heard in (texts, texts[1:])


async def test_rows_that_come_together_are_numbered_in_their_order(ada, place, database):
    """Without a worker they wait for their numbers. They are stored in another order than that of their ids."""
    ids = sorted(uuid.uuid4() for _ in range(200))
    async with database.driver_connection() as connection:
        await connection.executemany(
            "INSERT INTO comments (id, link_id, body, mentions) VALUES ($1, $2, 'x', '{}')",
            [(id_, place.number) for id_ in random.Random(5).sample(ids, len(ids))],
        )
        assert await number_new(connection)
        rows = await connection.fetch("SELECT id FROM comments ORDER BY number")
    assert [row["id"] for row in rows] == ids


async def test_rows_whose_transactions_end_in_another_order_are_not_missed(app, ada, place, worker, database):
    """The row that was inserted first is committed last."""
    insert = "INSERT INTO comments (id, link_id, body, mentions) VALUES (gen_random_uuid(), $1, $2, '{}')"
    async with database.driver_connection() as slow, listening(app, ada.account.headers, place.of_link) as one:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute(insert, place.number, "slow")
        async with database.driver_connection() as quick:
            await quick.execute(insert, place.number, "quick")
        first = await one.next()
        assert first["data"]["text"] == "quick"
        await transaction.commit()
        assert (await one.next())["data"]["text"] == "slow"
        async with listening(app, ada.account.headers, place.of_link, after=first["id"]) as other:
            assert [message["data"]["text"] for message in await other.rest()] == ["slow"]


async def test_a_gap_that_is_too_old_or_too_long_says_so(app, ada, place, worker, database, monkeypatch):
    for n in range(3):
        await ada.post(f"{place.path}/comments", text=f"{n}")
    async with listening(app, ada.account.headers, place.of_link, after="0") as one:
        assert len(await one.rest()) == 3
    monkeypatch.setattr(hub, "MAX_RESUMED", 2)
    async with listening(app, ada.account.headers, place.of_link, after="0") as one:
        gap = await one.next()
        assert (gap["type"], gap["data"]) == ("gap", {"after": 0})
        await ada.post(f"{place.path}/comments", text="new")
        new = await one.next()
        assert new["data"]["text"] == "new"
    async with listening(app, ada.account.headers, place.of_link, after=gap["id"]) as one:
        assert [message["data"]["text"] for message in await one.rest()] == ["new"]
    async with database.driver_connection() as connection:
        first = await connection.fetchval("SELECT min(number) FROM comments")
        await connection.execute("INSERT INTO live_mark (number) VALUES ($1)", first)
    monkeypatch.setattr(hub, "MAX_RESUMED", 500)
    for after, types in ((first - 1, ["gap"]), (first, ["comment.created"] * 3), (999999, ["gap"])):
        async with listening(app, ada.account.headers, place.of_link, after=after) as one:
            assert await one.types() == types


async def test_what_was_missed_can_be_read_without_waiting(app, ada, place, worker):
    async with listening(app, ada.account.headers, place.of_link) as one:
        await ada.post(f"{place.path}/comments", text="hello")
        await one.next("comment.created")
        after = one.ready["id"]
    async with listening(app, ada.account.headers, place.of_link, after=after, follow="false") as other:
        await asyncio.wait_for(other.ended.wait(), 5)
        assert await other.types(0.05) == ["ready", "comment.created", "closed"]


# Links


async def test_changes_of_a_link_are_heard_once_each(app, ada, place):
    async with (
        listening(app, ada.account.headers, place.of_link) as one,
        listening(app, ada.account.headers, place.of_workspace, place.of_link) as both,
    ):
        await ada.ask("PATCH", place.path, json={"title": "New"})
        other = await ada.post(LINKS, url=URL, code="other", workspace=place.workspace)
        await asyncio.sleep(0.2)
        await ada.ask("DELETE", place.path)
        heard = await both.rest()
        assert [(m["type"], m["data"].get("link")) for m in heard] == [
            ("link.changed", place.link),
            ("link.created", other["id"]),
            ("link.deleted", place.link),
            ("unsubscribed", None),
        ]
        assert heard[0]["data"] == {"link": place.link, "code": "sale", "domain": None, "workspace": place.workspace}
        assert await one.types() == ["link.changed", "link.deleted", "unsubscribed", "closed"]


async def test_links_with_generated_codes_are_heard_of_in_every_process(ada, settings):
    async with two_processes(settings) as two:
        space = (await ada.post("/api/v1/workspaces", name="Shared"))["id"]
        async with listening(two.apps[0], ada.account.headers, f"workspace:{space}") as one:
            body = {"links": [{"url": URL}] * 2, "workspace": space}
            answer = await ada.ask("POST", f"{LINKS}/bulk", client=two.other, json=body)
            assert answer.status_code == 200
            assert [(await one.next())["type"] for _ in range(2)] == ["link.created"] * 2


async def test_many_links_at_once_are_heard_as_one_message(app, ada, place, monkeypatch):
    monkeypatch.setattr(follower, "MANY_LINKS", 3)
    async with listening(app, ada.account.headers, place.of_workspace) as one:
        await ada.post(f"{LINKS}/bulk", links=[{"url": URL}] * 5, workspace=place.workspace)
        heard = await one.next()
        assert (heard["type"], heard["data"]) == ("links.changed", {"workspace": place.workspace, "count": 5})


async def test_a_link_that_has_expired_or_is_used_up_is_heard_of(app, ada, place, worker, database):
    async with listening(app, ada.account.headers, place.of_link) as one:
        async with database.driver_connection() as connection:
            for kind in ("expired", "used_up"):
                await connection.execute(
                    "INSERT INTO link_news (link_id, kind, key) VALUES ($1, $2, $2)", place.number, kind
                )
        await worker.tell()
        assert [(await one.next())["type"] for _ in range(2)] == ["link.expired", "link.used_up"]


# Clicks


async def test_a_click_is_heard_with_its_total_and_without_an_address(app, ada, place, worker):
    async with listening(app, ada.account.headers, place.of_link) as one:
        await worker.write(click(place.number, referrer="https://news.example/secret?page=1", address="203.0.113.99"))
        heard = await one.next()
        assert heard["type"] == "click"
        data = heard["data"]
        assert (data["link"], data["count"], data["bots"], data["total"]) == (place.link, 1, 0, 1)
        assert (data["click"]["browser"], data["click"]["referrer"]) == ("Chrome", "news.example")
        for hidden in ("203.0.113", "secret", "visitor"):
            assert hidden not in json.dumps(heard)


async def test_a_hot_link_is_sampled_and_its_counts_add_up(app, ada, place, worker):
    clicks = [click(place.number) for _ in range(300)]
    clicks += [click(place.number, user_agent="Googlebot/2.1") for _ in range(50)]
    async with listening(app, ada.account.headers, place.of_link) as one:
        for n in range(0, 350, 50):
            await worker.write(*clicks[n : n + 50])
        heard = []
        while sum(message["data"]["count"] + message["data"]["bots"] for message in heard) < 350:
            heard.append(await one.next())
        assert {message["type"] for message in heard} == {"click"}
        assert sum(message["data"]["count"] for message in heard) == 300
        assert sum(message["data"]["bots"] for message in heard) == 50
        totals = [message["data"]["total"] for message in heard]
        assert totals == sorted(totals)
        assert totals[-1] == 300
        assert len(heard) <= 30


async def test_clicks_of_links_that_nobody_listens_to_are_not_published(app, ada, place, worker, redis):
    heard = []
    pubsub = redis.pubsub()
    await pubsub.psubscribe("live:*")
    monitor = asyncio.create_task(_collect(pubsub, heard))
    other = await ada.post(LINKS, url=URL, code="cold")
    async with listening(app, ada.account.headers, place.of_link) as one:
        [(number,)] = await _rows(worker, "SELECT id FROM links WHERE code = 'cold'")
        await worker.write(click(number), click(place.number))
        await one.next("click")
    monitor.cancel()
    await pubsub.aclose()
    assert other["id"]
    assert heard == [f"live:link:{place.number}"]


async def _collect(pubsub, heard) -> None:
    async for message in pubsub.listen():
        if message["type"] == "pmessage":
            heard.append(message["channel"].decode())


async def _rows(worker, sql):
    async with worker.database.driver_connection() as connection:
        return [tuple(row) for row in await connection.fetch(sql)]


async def test_clicks_need_the_scope_of_figures(app, ada, place, worker):
    key = (await ada.account.create_key("links:read"))["key"]
    async with listening(app, {"X-API-Key": key}, place.of_link) as one:
        await worker.write(click(place.number))
        await ada.post(f"{place.path}/comments", text="hello")
        assert await one.types() == ["comment.created"]


# Rights


async def test_a_channel_of_somebody_else_looks_like_one_that_does_not_exist(app, ada, eve, place):
    nothing = "workspace:01a1fe5f-45f3-7621-8f7f-e259d4b6f1bf"
    for channel in (place.of_link, place.of_workspace, nothing):
        answer = await eve.ask("GET", f"{LIVE}?channel={channel}&follow=false")
        assert_problem(answer, 404, "channel-not-found")
    for wrong in ("link:sale", "workspace:1", "user:1", "everything", ""):
        answer = await ada.ask("GET", f"{LIVE}?channel={wrong}&follow=false")
        assert_problem(answer, 422, "invalid-channel")
    for after in ("x", "-1", "1-x", "9" * 30):
        answer = await ada.ask("GET", f"{LIVE}?channel=me&after={after}&follow=false")
        assert_problem(answer, 422, "invalid-place")


async def ends_with(client, reason: str, within_s: float = 1.0) -> None:
    async with asyncio.timeout(within_s):
        closed = await client.next("closed")
    assert closed["data"] == {"reason": reason}
    await asyncio.wait_for(client.ended.wait(), 2)


async def test_a_revoked_key_ends_its_connection_within_a_second(app, ada, place):
    key = await ada.account.create_key("links:read")
    async with (
        listening(app, {"X-API-Key": key["key"]}, "me") as of_key,
        listening(app, ada.account.headers, "me") as of_login,
    ):
        assert await ada.status("DELETE", f"/api/v1/keys/{key['id']}") == 204
        await ends_with(of_key, "revoked")
        assert await of_login.types() == []


async def test_an_ended_session_ends_its_connection_in_another_process(ada, settings):
    async with two_processes(settings) as two, listening(two.apps[0], ada.account.headers, "me") as one:
        assert await ada.status("POST", "/api/v1/auth/logout", client=two.other) == 204
        await ends_with(one, "revoked", 1.5)


async def test_a_member_who_is_removed_hears_nothing_more(app, ada, bob, place, worker):
    async with (
        listening(app, bob.account.headers, place.of_link, place.of_workspace, "me") as of_both,
        listening(app, bob.account.headers, place.of_link) as of_link,
    ):
        # By then all listeners have been judged, which without a report happens again after seconds only.
        await asyncio.sleep(0.5)
        member = await ada.member_id(place.workspace, bob)
        assert await ada.status("DELETE", f"/api/v1/workspaces/{place.workspace}/members/{member}") == 204
        await ends_with(of_link, "forbidden")
        lost = await of_both.next("unsubscribed")
        assert lost["data"]["channels"] == sorted([place.of_link, place.of_workspace])
        await ada.post(f"{place.path}/comments", text="secret")
        await worker.write(click(place.number))
        assert await of_both.types() == []


async def test_a_link_that_moves_takes_its_listeners_rights_with_it(app, ada, bob, place):
    async with listening(app, bob.account.headers, place.of_link) as one:
        await ada.ask("PATCH", place.path, json={"workspace": await ada.personal()})
        await ends_with(one, "forbidden")


async def test_a_banned_user_and_a_banned_client_are_cut_off(app, ada, bob, eve, place, database):
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE users SET is_admin = true WHERE email = 'eve@example.com'")
    admin = await logged_in(eve.account.client, eve.email)
    async with client_of(app, "198.51.100.1", headers=admin.headers) as far:
        async with listening(app, bob.account.headers, "me") as one:
            body = {"kind": "user", "value": bob.email, "reason": "spam"}
            assert (await far.post("/api/v1/admin/bans", json=body)).status_code == 201
            await ends_with(one, "revoked")
        async with listening(app, ada.account.headers, "me") as one:
            body = {"kind": "client", "value": "203.0.113.7", "reason": "spam"}
            assert (await far.post("/api/v1/admin/bans", json=body)).status_code == 201
            await ends_with(one, "banned", 1.5)


async def test_a_connection_ends_with_its_token(app, ada, monkeypatch):
    async with listening(app, ada.account.headers, "me") as one:
        [who] = app.state.parts[HUB].listeners
        who.principal = who.principal._replace(expires_at_s=0)
        monkeypatch.setattr(listener, "HEARTBEAT_S", 0.05)
        app.state.parts[HUB].send([who], app.state.parts[HUB].message("heartbeat", {}))
        await ends_with(one, "expired", 3)


# Bounds


async def test_a_listener_that_does_not_read_is_dropped_and_told_why(app, ada, place, worker, monkeypatch):
    monkeypatch.setattr(listener, "MAX_WAITING", 5)
    async with (
        listening(app, ada.account.headers, place.of_link) as slow,
        listening(app, ada.account.headers, place.of_link) as quick,
    ):
        slow.reads.clear()
        for n in range(10):
            await ada.post(f"{place.path}/comments", text=f"{n}")
            await quick.next("comment.created")
        assert len(app.state.parts[HUB].listeners) == 1
        slow.reads.set()
        await ends_with(slow, "slow", 3)
        await ada.post(f"{place.path}/comments", text="on")
        await quick.next("comment.created")


async def test_connections_are_bounded_by_user_and_process(settings, ada):
    few = changed(settings, live_connections=3, live_connections_per_user=2)
    async with running_app(few) as app, client_of(app) as client:
        bob = await person(client, "bob")
        mine, his = ada.account.headers, bob.account.headers
        async with listening(app, mine, "me"), listening(app, mine, "me"), listening(app, his, "me"):
            for headers, status, type_ in ((mine, 429, "too-many-listeners"), (his, 503, "service-unavailable")):
                answer = await client.get(f"{LIVE}?channel=me&follow=false", headers=headers)
                assert_problem(answer, status, type_)
                assert answer.headers["retry-after"] == "10"
        await eventually(lambda: app.state.parts[DOORS]._of_user.total() == 0)
        async with listening(app, mine, "me") as again:
            assert again.status == 200


async def test_heartbeats_come_while_nothing_happens(app, ada, monkeypatch):
    monkeypatch.setattr(listener, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr("shortener.live.streams.HEARTBEAT", b'data: {"id": "0", "type": "beat"}\nid: 0\n\n')
    async with listening(app, ada.account.headers, "me") as one:
        assert [(await one.next())["type"] for _ in range(3)] == ["beat"] * 3


async def test_nothing_stays_of_listeners_that_have_gone(app, ada, place):
    hub_, doors = app.state.parts[HUB], app.state.parts[DOORS]
    async with listening(app, ada.account.headers, place.of_link, place.of_workspace, "me"):
        assert len(hub_.channels) == 3
    await eventually(lambda: not hub_.channels and not hub_.listeners and not doors._of_user)
    await eventually(lambda: not hub_.subscriber._wanted and not hub_.subscriber.is_up)


async def test_a_server_that_stops_says_so(app, ada):
    async with listening(app, ada.account.headers, "me") as one:
        app.state.parts[STOPPING].set()
        await ends_with(one, "stopping")


def test_the_place_of_a_message_is_a_number_with_or_without_a_serial():
    for text, number in (("12", 12), ("12-3", 12), ("0", 0), ("", None), ("-3", None), ("1-", None), ("٣", None)):
        assert messages.number_in(text) == number
