"""Tags belong to a workspace, and obey its roles."""

from shortener.accounts import commands
from tests.conftest import changed, client_of, running_app
from tests.links.test_api import assert_problem
from tests.workspaces.conftest import LINKS, URL

TAGS = "/api/v1/tags"


async def names(person, query: str = "") -> list[str]:
    return [tag["name"] for tag in (await person.get(f"{TAGS}?{query}"))["items"]]


async def test_each_workspace_has_tags_of_its_own(ada, bob, shared):
    await ada.post(LINKS, url=URL, tags=["mine"])
    await ada.post(LINKS, url=URL, tags=["ours"], workspace=shared)
    await bob.post(LINKS, url=URL, tags=["mine"])
    assert (await names(ada), await names(bob)) == (["mine"], ["mine"])
    assert await names(ada, f"workspace={shared}") == ["ours"]
    await ada.ask("PATCH", f"{TAGS}/mine", json={"name": "other"})
    assert (await names(ada), await names(bob)) == (["other"], ["mine"])


async def test_viewers_read_tags_editors_change_them_and_strangers_find_nothing(ada, bob, eve, shared):
    await ada.share(shared, editor=(bob, "editor"), viewer=(eve, "viewer"))
    await bob.post(LINKS, url=URL, tags=["red", "blue"], workspace=shared)
    assert await names(eve, f"workspace={shared}") == ["blue", "red"]
    changes = (
        ("PATCH", f"{TAGS}/red?workspace={shared}", {"color": "#ff0000"}),
        ("POST", f"{TAGS}/red/merge?workspace={shared}", {"into": "blue"}),
        ("DELETE", f"{TAGS}/blue?workspace={shared}", None),
    )
    for method, path, body in changes:
        assert_problem(await eve.ask(method, path, json=body), 403, "insufficient-role")
    await ada.ask("DELETE", f"/api/v1/workspaces/{shared}/members/{await ada.member_id(shared, eve)}")
    for method, path, body in (("GET", f"{TAGS}?workspace={shared}", None), *changes):
        assert_problem(await eve.ask(method, path, json=body), 404, "workspace-not-found")
        assert (await bob.ask(method, path, json=body)).status_code in (200, 204)


async def test_a_link_that_moves_gets_the_tags_of_its_new_workspace(ada, shared):
    await ada.post(LINKS, url=URL, code="abc", tags=["red", "blue"])
    await ada.post(LINKS, url=URL, tags=["red"], workspace=shared)
    moved = await ada.ask("PATCH", f"{LINKS}/abc", json={"workspace": shared})
    assert moved.json()["tags"] == ["blue", "red"]
    assert await names(ada, f"workspace={shared}") == ["blue", "red"]
    links = {tag["name"]: tag["links"] for tag in (await ada.get(f"{TAGS}?workspace={shared}"))["items"]}
    assert links == {"blue": 1, "red": 2}


async def test_links_without_an_owner_have_tags_where_everybody_may_manage_them_and_keep_them_when_adopted(
    settings, ada
):
    settings = changed(settings, anonymous_links=True, anonymous_manage=True)
    async with running_app(settings) as app, client_of(app) as client:
        made = await client.post(LINKS, json={"url": URL, "code": "abc", "tags": ["red"]})
        assert made.json()["tags"] == ["red"]
        assert [tag["name"] for tag in (await client.get(TAGS)).json()["items"]] == ["red"]
    assert await commands.adopt_links(settings, ada.email) == 1
    assert (await ada.get(f"{LINKS}/abc"))["tags"] == ["red"]
    assert await names(ada) == ["red"]


async def test_strangers_cannot_tag_links_that_they_cannot_list(settings):
    settings = changed(settings, anonymous_links=True)
    async with running_app(settings) as app, client_of(app) as client:
        assert_problem(await client.post(LINKS, json={"url": URL, "tags": ["red"]}), 422, "tags-need-owner")
        bulk = await client.post(f"{LINKS}/bulk", json={"links": [{"url": URL, "tags": ["red"]}, {"url": URL}]})
        assert [result["status"] for result in bulk.json()["results"]] == [422, 201]


async def test_changes_of_tags_are_in_the_audit_log(ada, database):
    await ada.post(LINKS, url=URL, tags=["red", "blue", "green"])
    await ada.ask("PATCH", f"{TAGS}/red", json={"name": "crimson", "color": None})
    await ada.post(f"{TAGS}/crimson/merge", into="blue")
    await ada.ask("DELETE", f"{TAGS}/green")
    async with database.engine.connect() as connection:
        rows = await connection.exec_driver_sql(
            "SELECT action, target, details FROM audit_log WHERE action LIKE 'tag.%' ORDER BY id"
        )
        assert [tuple(row) for row in rows] == [
            ("tag.changed", "tag:red", {"fields": ["name"]}),
            ("tag.merged", "tag:crimson", {"into": "blue"}),
            ("tag.deleted", "tag:green", {}),
        ]
