"""Comments: rights to write, change and see them, mentions, and unread marks."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener.comments import service
from shortener.comments.mentions import MAX_MENTIONS, mentioned
from tests.clicks.make import rows_of
from tests.links.test_api import assert_problem

MEMBERS = {"ada@example.com": 1, "bob@example.com": 2, "ada@other.example": 3, "jo.doe@example.com": 4}


async def texts(person, link: str) -> list[str]:
    return [comment["text"] for comment in (await person.get(f"{link}/comments"))["items"]]


async def test_members_talk_about_a_link_newest_first(ada, bob, link):
    for who, text in ((ada, "The banner is live."), (bob, "I see it.")):
        await who.post(f"{link}/comments", text=text)
    page = await ada.get(f"{link}/comments")
    assert [(item["author"], item["text"]) for item in page["items"]] == [
        ("bob@example.com", "I see it."),
        ("ada@example.com", "The banner is live."),
    ]
    first = await ada.get(f"{link}/comments?limit=1")
    assert [item["text"] for item in (await ada.get(first["next"]))["items"]] == ["The banner is live."]


async def test_somebody_else_s_link_has_no_comments_for_a_stranger(ada, eve, link):
    comment = await ada.post(f"{link}/comments", text="secret")
    for method, path, body in (
        ("GET", "", None),
        ("POST", "", {"text": "hello"}),
        ("PATCH", f"/{comment['id']}", {"text": "mine"}),
        ("DELETE", f"/{comment['id']}", None),
        ("PUT", "-read", {"until": comment["id"]}),
    ):
        answer = await eve.ask(method, f"{link}/comments{path}", json=body)
        assert_problem(answer, 404, "link-not-found")


async def test_each_changes_and_deletes_only_their_own(ada, bob, link):
    comment = await bob.post(f"{link}/comments", text="Frist!")
    one = f"{link}/comments/{comment['id']}"
    for method, body in (("PATCH", {"text": "Second!"}), ("DELETE", None)):
        assert_problem(await ada.ask(method, one, json=body), 403, "other-author")
    changed = (await bob.ask("PATCH", one, json={"text": "First!"})).json()
    assert (changed["text"], changed["edited_at"] is not None, changed["created_at"]) == (
        "First!",
        True,
        comment["created_at"],
    )
    assert await bob.status("DELETE", one) == 204
    assert await texts(ada, link) == []
    assert_problem(await bob.ask("PATCH", one, json={"text": "again"}), 404, "comment-not-found")


async def test_nothing_of_a_deleted_comment_stays_in_the_database(bob, link, database):
    comment = await bob.post(f"{link}/comments", text="@ada my number is 555")
    await bob.ask("DELETE", f"{link}/comments/{comment['id']}")
    assert await rows_of(database, "SELECT body, mentions FROM comments") == [("", [])]


async def test_a_comment_of_another_link_is_not_found_under_this_one(ada, link, shared):
    other = await ada.post("/api/v1/links", url="https://example.com/", code="other", workspace=shared)
    comment = await ada.post(f"/api/v1/links/{other['code']}/comments", text="elsewhere")
    assert await ada.status("DELETE", f"{link}/comments/{comment['id']}") == 404
    assert await ada.status("PUT", f"{link}/comments-read", json={"until": comment["id"]}) == 404
    assert await ada.status("DELETE", f"{link}/comments/{uuid.uuid4()}") == 404


async def test_comments_of_others_are_unread_until_they_are_marked(ada, bob, link):
    first, second = [await bob.post(f"{link}/comments", text=text) for text in ("one", "two")]
    await ada.post(f"{link}/comments", text="mine")

    async def unread(person) -> int:
        return (await person.get(f"{link}/comments"))["unread"]

    assert (await unread(ada), await unread(bob)) == (2, 1)
    for until, left in ((first, 1), (second, 0), (first, 0)):
        marked = await ada.ask("PUT", f"{link}/comments-read", json={"until": until["id"]})
        assert marked.json() == {"unread": left}
    assert (await unread(ada), await unread(bob)) == (0, 1)


async def test_a_mention_tells_the_member_once_and_nobody_else(ada, bob, eve, link):
    comment = await ada.post(f"{link}/comments", text="@bob, @eve@example.com and @ada: look")
    assert comment["mentions"] == ["bob@example.com", "ada@example.com"]
    await ada.ask("PATCH", f"{link}/comments/{comment['id']}", json={"text": "@bob look again"})
    told = {who.email: (await who.get("/api/v1/me/notifications"))["items"] for who in (ada, bob, eve)}
    mentions = {email: [n for n in items if n["kind"] == "mentioned"] for email, items in told.items()}
    assert [len(mentions[who.email]) for who in (ada, bob, eve)] == [0, 1, 0]
    [notification] = mentions["bob@example.com"]
    assert (notification["by"], notification["comment"]) == ("ada@example.com", comment["id"])
    assert notification["link"]["code"] == "sale"


async def test_a_link_has_a_bounded_number_of_comments(ada, link, monkeypatch):
    monkeypatch.setattr(service, "MAX_COMMENTS", 1)
    await ada.post(f"{link}/comments", text="one")
    assert_problem(await ada.ask("POST", f"{link}/comments", json={"text": "two"}), 409, "too-many-comments")


@pytest.mark.parametrize("text", ["", " \n ", "x" * 2001, "a\x00b", "\u202eabc"])
async def test_a_comment_without_text_or_with_control_characters_is_refused(ada, link, text):
    assert await ada.status("POST", f"{link}/comments", json={"text": text}) == 422


@pytest.mark.parametrize(
    ("text", "users"),
    [
        ("@bob@example.com", [2]),
        ("Thanks, @BOB.", [2]),
        ("@jo.doe and @bob", [4, 2]),
        ("@bob @bob@example.com", [2]),
        ("@ada", []),
        ("@ada@other.example", [3]),
        ("mail bob@example.com", []),
        ("@eve @", []),
    ],
)
def test_a_mention_is_an_address_or_an_unambiguous_name(text, users):
    assert mentioned(text, MEMBERS) == users


@given(st.text(alphabet="@ab.-+\n ", max_size=200))
def test_any_text_mentions_only_members_and_few(text):
    found = mentioned(text, {f"{name}@a.b": n for n, name in enumerate("ab")})
    assert set(found) <= {0, 1}
    assert len(found) <= MAX_MENTIONS
