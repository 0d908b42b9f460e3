"""Listeners stay and poll while Redis does not answer, and recover by themselves."""

import asyncio

from shortener.clicks.event import new_batch
from shortener.live import follower
from shortener.stores.parts import LISTENERS
from tests.clicks.make import click, write
from tests.conftest import changed, client_of, eventually, running_app
from tests.live.listening import listening
from tests.own_valkey import own_valkey
from tests.workspaces.conftest import LINKS, URL, person

SHORT = {"redis_timeout_ms": 50}


async def test_listeners_stay_poll_and_recover_while_redis_is_away(settings, database, monkeypatch):
    monkeypatch.setattr(follower, "POLL_S", 0.2)
    async with own_valkey() as valkey:
        own = changed(settings, redis_url=valkey.url, **SHORT)
        async with running_app(own) as app, client_of(app) as client:
            await eventually(lambda: all(cache.lifetime_s > 1 for cache in app.state.parts[LISTENERS]._caches))
            ada = await person(client, "ada")
            link = await ada.post(LINKS, url=URL, code="sale")
            key = await ada.account.create_key("links:read")
            number = await _number(database)
            async with (
                listening(app, ada.account.headers, f"link:{link['id']}", "me") as one,
                listening(app, {"X-API-Key": key["key"]}, "me") as of_key,
            ):
                assert one.ready["data"]["degraded"] is False
                valkey.hang()
                await one.next("degraded")
                async with database.driver_connection() as connection:
                    await connection.execute(
                        "INSERT INTO comments (id, link_id, body, mentions) VALUES (gen_random_uuid(), $1, 'x', '{}')",
                        number,
                    )
                    await connection.execute("UPDATE links SET updated_at = now() WHERE id = $1", number)
                await write(database, new_batch([click(number)]))
                missing = {"comment.created", "link.changed", "click"}
                while missing:
                    missing.discard((await one.next())["type"])
                async with database.driver_connection() as connection:
                    await connection.execute("UPDATE api_keys SET revoked_at = now()")
                async with asyncio.timeout(1.5):
                    assert (await of_key.next("closed"))["data"] == {"reason": "revoked"}
                valkey.go_on()
                await one.next("recovered")
                await asyncio.sleep(0.5)
                await ada.ask("PATCH", f"{LINKS}/sale", json={"title": "New"})
                await one.next("link.changed")


async def test_what_is_published_while_the_connection_is_lost_is_made_up_for(app, ada, place, worker, redis):
    """For so short a time that nobody hears of it."""
    async with listening(app, ada.account.headers, place.of_link) as one:
        await worker.write(click(place.number))
        await one.next("click")
        for connection in await redis.client_list():
            if int(connection["sub"]):
                await redis.client_kill_filter(_id=connection["id"])
        await write(worker.database, new_batch([click(place.number)]))
        await ada.ask("PATCH", place.path, json={"title": "New"})
        heard = [await one.next("click", "link.changed", "degraded") for _ in range(2)]
        assert {message["type"] for message in heard} == {"click", "link.changed"}
        assert [message["data"]["total"] for message in heard if message["type"] == "click"] == [2]


async def test_a_listener_is_let_in_without_redis(settings, database, monkeypatch):
    monkeypatch.setattr(follower, "POLL_S", 0.2)
    nowhere = changed(settings, redis_url="redis://127.0.0.1:1/0", **SHORT)
    async with running_app(nowhere) as app, client_of(app) as client:
        ada = await person(client, "ada")
        await ada.post(LINKS, url=URL, code="sale")
        async with listening(app, ada.account.headers, "me") as one:
            await one.next("degraded")
            await ada.post(f"{LINKS}/sale/comments", text="@bob")
            async with database.driver_connection() as connection:
                await connection.execute(
                    "INSERT INTO notifications (user_id, kind, key) SELECT id, 'clicks', '' FROM users"
                )
            await one.next("notification.created")


async def _number(database) -> int:
    async with database.driver_connection() as connection:
        return await connection.fetchval("SELECT id FROM links")
