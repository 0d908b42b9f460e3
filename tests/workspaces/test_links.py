"""Links belong to workspaces: nobody touches, sees or guesses what isn't theirs."""

import asyncio
import time
import uuid
from functools import partial

import pytest
from sqlalchemy import event, select

from shortener.access.memberships import Caller
from shortener.access.models import User
from shortener.links.codes import Codes
from shortener.links.filters import LinkFilter
from shortener.links.inserts import NewLink, insert_many
from shortener.links.listing import matching
from shortener.links.models import Link
from shortener.links.parts import DIRECTORY
from shortener.stores.parts import DATABASE
from tests.accounts.conftest import KEYS, ME, PASSWORD, two_processes
from tests.conftest import changed, client_of, create_link, eventually, running_app
from tests.links.test_api import assert_problem
from tests.timing import assert_same_time
from tests.workspaces.conftest import LINKS, URL, WORKSPACES, Person, person


async def test_a_link_is_its_makers_own_unless_another_workspace_is_named(ada, bob, shared):
    mine = await ada.post(LINKS, url=URL, code="mine")
    ours = await ada.post(LINKS, url=URL, code="ours", workspace=shared)
    assert (mine["workspace"], ours["workspace"]) == (await ada.personal(), shared)
    assert await ada.codes() == {"mine"}
    assert await ada.codes(f"workspace={shared}") == {"ours"}
    assert await bob.codes() == set()
    await ada.share(shared, bob=(bob, "viewer"))
    assert await bob.codes(f"workspace={shared}") == {"ours"}
    assert await bob.status("GET", f"{LINKS}/mine") == 404
    assert await bob.status("GET", f"{LINKS}/ours") == 200


async def test_a_bulk_of_links_is_of_one_workspace(ada, bob, eve, shared):
    await ada.share(shared, bob=(bob, "editor"), eve=(eve, "viewer"))
    body = {"links": [{"url": URL, "code": "one"}, {"url": "ftp://x"}, {"url": URL}], "workspace": shared}
    answer = await bob.post(f"{LINKS}/bulk", **body)
    assert [result["status"] for result in answer["results"]] == [201, 422, 201]
    assert {result["link"]["workspace"] for result in answer["results"][::2]} == {shared}
    assert await bob.get(f"{LINKS}/one") == answer["results"][0]["link"]
    assert_problem(await eve.ask("POST", f"{LINKS}/bulk", json=body), 403, "insufficient-role")
    foreign = await eve.personal()
    assert_problem(
        await bob.ask("POST", f"{LINKS}/bulk", json=body | {"workspace": foreign}), 404, "workspace-not-found"
    )
    assert len(await ada.codes(f"workspace={shared}")) == 2
    inside = {"links": [{"url": URL, "workspace": shared}]}
    assert (await bob.post(f"{LINKS}/bulk", **inside))["results"][0]["status"] == 422


async def test_a_link_moves_where_one_may_write_in_both(ada, bob, eve, shared):
    other = (await ada.post(WORKSPACES, name="Sales"))["id"]
    await ada.share(shared, bob=(bob, "editor"), eve=(eve, "viewer"))
    await ada.share(other, bob=(bob, "viewer"), eve=(eve, "editor"))
    await ada.post(LINKS, url=URL, code="abc", workspace=shared)
    move = {"json": {"workspace": other}}
    assert_problem(await bob.ask("PATCH", f"{LINKS}/abc", **move), 403, "insufficient-role")
    assert_problem(await eve.ask("PATCH", f"{LINKS}/abc", **move), 403, "insufficient-role")
    nowhere = {"json": {"workspace": str(uuid.uuid4())}}
    assert_problem(await ada.ask("PATCH", f"{LINKS}/abc", **nowhere), 404, "workspace-not-found")
    assert_problem(await ada.ask("PATCH", f"{LINKS}/abc", json={"workspace": None}), 422, "invalid-request")
    assert await ada.codes(f"workspace={shared}") == {"abc"}
    answer = await ada.ask("PATCH", f"{LINKS}/abc", **move)
    assert (answer.status_code, answer.json()["workspace"]) == (200, other)
    assert await ada.codes(f"workspace={other}") == {"abc"}
    assert await ada.codes(f"workspace={shared}") == set()
    assert await bob.status("PATCH", f"{LINKS}/abc", json={"title": "x"}) == 403
    assert await eve.status("PATCH", f"{LINKS}/abc", json={"title": "x"}) == 200


async def test_roles_are_felt_at_once_in_every_process(settings):
    async with two_processes(settings) as two:
        ada, bob = await person(two.one, "ada"), await person(two.one, "bob")
        shared = (await ada.post(WORKSPACES, name="Marketing"))["id"]
        await ada.post(LINKS, url=URL, code="abc", workspace=shared)
        requests = [
            ("GET", f"{LINKS}/abc", None),
            ("GET", f"{LINKS}?workspace={shared}", None),
            ("GET", f"{LINKS}/abc/stats", None),
            ("GET", f"{LINKS}/abc/clicks?format=csv", None),
            ("PATCH", f"{LINKS}/abc", {"title": "x"}),
            ("POST", LINKS, {"url": URL, "workspace": shared}),
            ("POST", f"{LINKS}/bulk", {"links": [{"url": URL}], "workspace": shared}),
        ]

        async def statuses() -> list[int]:
            return [await bob.status(m, path, client=two.other, json=body) for m, path, body in requests]

        assert await statuses() == [404] * 7
        await ada.share(shared, bob=(bob, "editor"))
        assert await statuses() == [200, 200, 200, 200, 200, 201, 200]
        member = f"{WORKSPACES}/{shared}/members/{await ada.member_id(shared, bob)}"
        assert await ada.status("PATCH", member, json={"role": "viewer"}) == 200
        assert await statuses() == [200, 200, 200, 200, 403, 403, 403]
        assert await ada.status("DELETE", member) == 204
        assert await statuses() == [404] * 7


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", f"{LINKS}/{{code}}", {}),
        ("PATCH", f"{LINKS}/{{code}}", {"json": {"title": "x"}}),
        ("DELETE", f"{LINKS}/{{code}}", {}),
        ("GET", f"{LINKS}/{{code}}/stats", {}),
        ("GET", f"{LINKS}/{{code}}/clicks", {}),
        ("GET", f"{LINKS}?workspace={{workspace}}", {}),
        ("GET", f"{WORKSPACES}/{{workspace}}", {}),
        ("DELETE", f"{WORKSPACES}/{{workspace}}", {}),
        ("DELETE", f"{KEYS}/{{key}}", {}),
    ],
    ids=lambda value: str(value).replace("/api/v1", ""),
)
async def test_what_is_somebody_elses_takes_the_time_of_what_does_not_exist(
    app, ada, eve, shared, method, path, options
):
    await ada.post(LINKS, url=URL, code="theirs1", workspace=shared)
    key = (await ada.account.create_key())["id"]
    theirs = path.format(code="theirs1", workspace=shared, key=key)
    nothing = path.format(code="nothing", workspace=uuid.uuid4(), key=uuid.uuid4())

    async def ask(path: str) -> None:
        assert await eve.status(method, path, **options) == 404

    said: list[str] = []
    event.listen(
        app.state.parts[DATABASE].engine.sync_engine, "before_cursor_execute", lambda *given: said.append(given[2])
    )
    alike = []
    for _ in range(10):
        said.clear()
        for place in (theirs, nothing):
            await ask(place)
        half = len(said) // 2
        alike.append(said[:half] == said[half:])
    # Now and then the process itself asks for something.
    assert any(alike), said
    # A statement more would be an eighth of it.
    await assert_same_time(partial(ask, theirs), partial(ask, nothing), pairs=150, most=1.07)


async def test_a_cursor_is_its_workspaces_own(ada, shared):
    for n in range(3):
        await ada.post(LINKS, url=URL, code=f"mine{n}")
        await ada.post(LINKS, url=URL, code=f"ours{n}", workspace=shared)
    for sort in ("created_at", "clicks", "code"):
        query = f"{LINKS}?limit=2&sort={sort}&workspace={shared}"
        page = await ada.get(query)
        assert page["total"] == 3
        assert f"workspace={shared}" in page["next"]
        rest = await ada.get(page["next"])
        assert {link["code"] for link in page["items"] + rest["items"]} == {"ours0", "ours1", "ours2"}
        elsewhere = page["next"].replace(f"&workspace={shared}", "")
        assert_problem(await ada.ask("GET", elsewhere), 400, "invalid-cursor")
    for place in (str(uuid.uuid4()), "anonymous"):
        assert_problem(await ada.ask("GET", f"{LINKS}?workspace={place}"), 404, "workspace-not-found")
    assert await ada.status("GET", f"{LINKS}?workspace=x") == 422


async def test_an_idempotency_key_gives_nothing_again_to_who_may_no_longer_write(ada, bob, shared):
    await ada.share(shared, bob=(bob, "editor"))
    one = {"json": {"url": URL, "workspace": shared}, "headers": {"Idempotency-Key": "1"}}
    many = {"json": {"links": [{"url": URL}], "workspace": shared}, "headers": {"Idempotency-Key": "2"}}
    for path, request in ((LINKS, one), (f"{LINKS}/bulk", many)):
        first, again = [await bob.ask("POST", path, **request) for _ in range(2)]
        assert first.text == again.text
        assert first.json() == again.json() != {}
    await ada.ask("DELETE", f"{WORKSPACES}/{shared}/members/{await ada.member_id(shared, bob)}")
    for path, request in ((LINKS, one), (f"{LINKS}/bulk", many)):
        assert_problem(await bob.ask("POST", path, **request), 404, "workspace-not-found")


async def test_many_that_create_in_a_workspace_while_it_is_deleted_leave_no_link_that_works(ada, bob, app, shared):
    await ada.share(shared, bob=(bob, "editor"))
    body = {"links": [{"url": URL}] * 50, "workspace": shared}

    async def create() -> list[str]:
        answer = await bob.ask("POST", f"{LINKS}/bulk", json=body)
        assert answer.status_code in {200, 404}, answer.text
        return [r["link"]["code"] for r in answer.json()["results"]] if answer.status_code == 200 else []

    async def delete_soon() -> list[str]:
        await create()
        assert await ada.status("DELETE", f"{WORKSPACES}/{shared}") == 204
        return []

    made = await asyncio.gather(delete_soon(), *(create() for _ in range(20)))
    codes = [code for some in made for code in some]
    assert {(await bob.account.client.get(f"/{code}")).status_code for code in codes} <= {410}
    async with app.state.parts[DATABASE].session() as session:
        assert (await session.scalars(Link.__table__.select().where(Link.deleted_at.is_(None)))).all() == []


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def test_who_deletes_a_workspace_or_an_account_waits_for_links_that_are_being_created(
    ada, bob, app, database, shared
):
    await ada.share(shared, bob=(bob, "editor"))
    for workspace, someone, path, options in (
        (shared, ada, ("DELETE", f"{WORKSPACES}/{shared}"), {}),
        (await bob.personal(), bob, ("POST", f"{ME}/delete"), {"json": {"password": PASSWORD}}),
    ):
        new = NewLink(None, URL, None, None)
        async with database.session.begin() as session:
            caller = Caller(await session.scalar(select(User.id).where(User.email == bob.email)), has_unowned=False)
            await insert_many(session, caller, uuid.UUID(workspace), [new], Codes(7), app.state.parts[DIRECTORY])
            deleting = asyncio.create_task(someone.status(*path, **options))
            async with database.driver_connection() as connection:
                await eventually(partial(connection.fetchval, WAITING))
        assert await deleting == 204
        assert (await ada.account.client.get(f"/{new.code}")).status_code == 410


async def test_links_of_a_deleted_workspace_answer_410_also_where_they_are_cached(settings):
    async with two_processes(settings) as two:
        ada = await person(two.one, "ada")
        shared = (await ada.post(WORKSPACES, name="Marketing"))["id"]
        await ada.post(LINKS, url=URL, code="ours", workspace=shared)
        await ada.post(LINKS, url=URL, code="mine")
        for client in (two.one, two.other):
            assert (await client.get("/ours")).status_code == 302
        assert await ada.status("DELETE", f"{WORKSPACES}/{shared}") == 204
        assert (await two.one.get("/ours")).status_code == 410
        deadline_s = time.monotonic() + 1
        while (await two.other.get("/ours")).status_code != 410:
            assert time.monotonic() < deadline_s
        assert (await two.one.get("/mine")).status_code == 302
        assert await ada.status("GET", f"{WORKSPACES}/{shared}") == 404


@pytest.mark.parametrize("place", ["a workspace", "none"])
async def test_a_list_reads_its_page_from_the_index(database, place):
    workspace_id = uuid.uuid4() if place == "a workspace" else None
    async with database.driver_connection() as connection:
        await connection.execute(
            "INSERT INTO links (code, url, workspace_id) SELECT 'c' || i, 'https://example.com/' || i,"
            " CASE i % 2 WHEN 0 THEN $1::uuid ELSE $2::uuid END FROM generate_series(1, 20000) i",
            workspace_id,
            uuid.uuid4(),
        )
        await connection.execute("VACUUM ANALYZE links")
        statement = (
            matching(workspace_id, LinkFilter(), "https://sho.rt")
            .order_by(Link.workspace_id, Link.created_at, Link.id)
            .limit(20)
        )
        query = statement.compile(database.engine.sync_engine, compile_kwargs={"literal_binds": True})
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}"))
    assert "Index Scan using ix_links_workspace_id_created_at_id" in plan
    assert "Sort Key: links" not in plan


async def test_who_is_unknown_only_creates_where_that_is_all_that_is_allowed(settings):
    async with running_app(changed(settings, anonymous_links=True)) as app, client_of(app) as client:
        assert (await create_link(client, code="abc"))["workspace"] is None
        assert (await client.post(f"{LINKS}/bulk", json={"links": [{"url": URL}]})).json()["created"] == 1
        for method, path in (
            ("GET", LINKS),
            ("GET", f"{LINKS}/abc"),
            ("PATCH", f"{LINKS}/abc"),
            ("DELETE", f"{LINKS}/abc"),
            ("GET", f"{LINKS}/abc/stats"),
            ("GET", f"{LINKS}/abc/clicks"),
        ):
            answer = await client.request(method, path, json={} if method == "PATCH" else None)
            assert_problem(answer, 401, "authentication-required")
        ada = await person(client, "ada")
        body = {"url": URL, "workspace": await ada.personal()}
        assert_problem(await client.post(LINKS, json=body), 404, "workspace-not-found")
        assert await ada.status("GET", f"{LINKS}/abc") == 404
        assert await ada.status("PATCH", f"{LINKS}/abc", json={}) == 404
        assert await ada.status("GET", f"{LINKS}?workspace=anonymous") == 404


async def test_links_without_owner_are_everybodys_where_that_is_allowed_and_never_among_ones_own(settings):
    open_ = changed(settings, anonymous_links=True, anonymous_manage=True)
    async with running_app(open_) as app, client_of(app) as client:
        ada: Person = await person(client, "ada")
        await create_link(client, code="abc")
        await ada.post(LINKS, url=URL, code="mine")
        assert await ada.codes() == {"mine"}
        assert await ada.codes("workspace=anonymous") == {"abc"}
        assert {link["code"] for link in (await client.get(LINKS)).json()["items"]} == {"abc"}
        assert (await client.get(f"{LINKS}?workspace={await ada.personal()}")).status_code == 404
        for method in ("GET", "PATCH", "DELETE"):
            answer = await client.request(method, f"{LINKS}/mine", json={} if method == "PATCH" else None)
            assert answer.status_code == 404
        assert (await client.get(f"{LINKS}/mine/stats")).status_code == 404
        assert await ada.status("PATCH", f"{LINKS}/abc", json={"workspace": await ada.personal()}) == 200
        assert await ada.codes() == {"abc", "mine"}
        assert (await client.get(f"{LINKS}/abc")).status_code == 404


def test_to_manage_what_cannot_be_made_is_not_allowed(settings):
    assert not changed(settings, anonymous_links=False, anonymous_manage=True).anonymous_may_manage


async def test_a_repeated_change_of_many_links_needs_the_role_of_the_first(ada, bob, shared):
    await ada.share(shared, bob=(bob, "editor"))
    await ada.post(LINKS, url=URL, workspace=shared)
    body = {"filter": {}, "workspace": shared, "set": {"title": "Spring"}}
    once = {"headers": {"Idempotency-Key": "once"}, "json": body}
    assert await bob.status("PATCH", f"{LINKS}/bulk", **once) == 200
    member = f"{WORKSPACES}/{shared}/members/{await ada.member_id(shared, bob)}"
    assert await ada.status("PATCH", member, json={"role": "viewer"}) == 200
    assert await bob.status("PATCH", f"{LINKS}/bulk", **once) == 403
    assert await ada.status("DELETE", member) == 204
    assert await bob.status("PATCH", f"{LINKS}/bulk", **once) == 404
