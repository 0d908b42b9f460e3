"""`shortener shorten`, `links` and `tags`: the same on this machine's database and through a server."""

from concurrent.futures import ThreadPoolExecutor

from tests.commands import run_apart
from tests.qr.reading import read

URL = "https://example.com/"


def test_a_link_is_made_shown_changed_deleted_and_restored(program):
    assert program("shorten", URL, "--code", "sale").strip().endswith("/sale")
    made = program.json("shorten", f"{URL}2", "--title", "Zwei", "--tag", "A b", "--set", "max_clicks=5")
    assert (made["title"], made["tags"], made["max_clicks"]) == ("Zwei", ["a-b"], 5)
    assert program.json("links", "show", "sale")["url"] == URL
    shown = program("links", "show", made["code"])
    assert "Zwei" in shown
    assert "None" not in shown

    options = ("--url", f"{URL}new", "--note", "for us", "--expires-at", "2099-01-01T00:00:00Z", "--disable")
    changed = program.json("links", "edit", "sale", *options, "--set", "forward_query=true")
    assert (changed["url"], changed["note"], changed["disabled"], changed["forward_query"]) == (
        f"{URL}new",
        "for us",
        True,
        True,
    )
    changed = program.json("links", "edit", "sale", "--enable", "--clear", "expires_at", "--clear", "note")
    assert (changed["disabled"], changed["expires_at"], changed["note"]) == (False, None, None)
    assert program.json("links", "edit", "sale", "--password", stdin="open sesame\n")["has_password"]
    assert program.json("links", "edit", "sale", "--code", "winter")["code"] == "winter"
    assert program.json("links", "aliases", "winter")["items"][0]["code"] == "sale"

    assert program("links", "delete", "winter") == ""
    assert program.refused("links", "show", "winter") == "The link winter does not exist."
    assert program.json("links", "restore", "winter")["code"] == "winter"
    assert "winter" in program("links", "show", "winter")


def test_aliases_are_added_listed_and_removed(program):
    program("shorten", URL, "--code", "sale")
    assert program("links", "alias", "sale", "offer") == ""
    assert program("links", "aliases", "sale") == "offer\n"
    program("links", "alias", "sale", "offer", "--remove")
    assert program.json("links", "aliases", "sale") == {"items": []}


def test_a_list_is_filtered_and_sorted(program):
    for code, *more in (("one",), ("two", "--tag", "red"), ("three", "--tag", "red", "--tag", "blue")):
        program("shorten", f"https://{code}.example/", "--code", code, "--title", f"Number {code}", *more)
    program("links", "edit", "one", "--archive")

    def codes(*options: str) -> list[str]:
        return [link["code"] for link in program.json("links", "list", *options)["items"]]

    assert codes() == ["three", "two"]
    assert codes("--sort", "code", "--order", "desc") == ["two", "three"]
    assert codes("--archived") == codes("--state", "archived") == ["one"]
    assert codes("--tag", "red", "--tag", "blue", "--tag-mode", "all") == ["three"]
    assert codes("--without-tag", "blue") == ["two"]
    assert codes("-q", "number t", "--host", "two.example") == ["two"]
    assert codes("--has", "password") == codes("--clicks-min", "1") == []
    assert codes("--created-from", "2020-01-01T00:00:00Z", "--clicks-max", "0", "--limit", "1") == ["three"]
    [head, *rows] = program("links", "list").splitlines()
    assert head.split() == ["code", "clicks", "created", "title", "tags", "url"]
    assert [row.split()[0] for row in rows] == ["three", "two"]
    assert "blue, red" in rows[0]
    for wrong in (("--created-from", "yesterday"), ("--host", "no host")):
        assert wrong[0].removeprefix("--").replace("-", "_") in program.refused("links", "list", *wrong)


async def test_a_long_list_is_read_through_all_its_pages(program, database):
    async with database.driver_connection() as connection:
        workspace = await connection.fetchval("SELECT id FROM workspaces")
        await connection.execute(
            "INSERT INTO links (code, url, workspace_id) SELECT 'c' || n, 'https://example.com/', $1 "
            "FROM generate_series(1001, 1250) AS n",
            workspace,
        )
    page = program.json("links", "list", "--limit", "230", "--sort", "code", "--order", "asc")
    assert [link["code"] for link in page["items"]] == [f"c{n}" for n in range(1001, 1231)]
    assert page.keys() == {"items", "total", "total_is_exact"}
    assert page["total"] == 250
    assert len(program.json("links", "list", "--limit", "1000")["items"]) == 250


def test_tags_are_listed_renamed_merged_and_deleted(program):
    program("shorten", URL, "--code", "one", "--tag", "blue", "--tag", "old")
    program("shorten", URL, "--code", "two", "--tag", "red", "--tag", "old")
    tags = program.json("tags", "list", "--sort", "links", "--order", "desc", "--limit", "1")
    assert [(tag["name"], tag["links"]) for tag in tags["items"]] == [("old", 2)]
    assert tags["total"] == 3
    edited = program.json("tags", "edit", "red", "--name", "Dark Red", "--color", "#880000", "--description", "warm")
    assert (edited["name"], edited["color"], edited["description"]) == ("dark-red", "#880000", "warm")
    assert program.json("tags", "edit", "dark-red", "--clear", "color")["color"] is None
    assert "dark-red" in program("tags", "list", "-q", "RED")
    assert program.json("tags", "merge", "blue", "dark-red")["links"] == 2
    assert program("tags", "delete", "dark-red") == ""
    assert program.json("links", "show", "one")["tags"] == ["old"]
    assert program.refused("tags", "edit", "blue", "--name", "x") == "The workspace has no tag blue."


def test_tags_are_added_to_a_link_and_taken_from_it(program):
    program("shorten", URL, "--code", "one", "--tag", "spring sale", "--tag", "blue")
    changed = program.json("links", "edit", "one", "--remove-tag", "Spring Sale", "--add-tag", "red", "--title", "One")
    assert (changed["tags"], changed["title"]) == (["blue", "red"], "One")


def test_tags_that_two_add_at_the_same_time_are_both_added(program):
    program("shorten", URL, "--code", "one")

    def add(tag: str) -> int:
        return run_apart(("links", "edit", "one", "--add-tag", tag), "", program.environment).status

    with ThreadPoolExecutor() as threads:
        assert list(threads.map(add, ("t0", "t1"))) == [0, 0]
    assert program.json("links", "show", "one")["tags"] == ["t0", "t1"]


def test_a_qr_code_is_written_to_a_file_or_to_standard_output(program, tmp_path):
    program("shorten", URL, "--code", "one")
    png = tmp_path / "one.png"
    assert program("links", "qr", "one", "-o", str(png), "--size", "600", "--no-track") == ""
    assert read(png.read_bytes()).text.endswith("/one")
    assert read(program("links", "qr", "one").encode()).text.endswith("/one?qr")
    said = program.run("links", "qr", "one", "--format", "png", "-o", "-")
    assert read(said.out).text.endswith("/one?qr")
    assert "color" in program.refused("links", "qr", "one", "--color", "#ffff00")


def test_a_refusal_is_one_line_on_standard_error(program):
    program("shorten", URL, "--code", "one", "--tag", "red")
    for arguments, reason in (
        (("links", "show", "nothing"), "The link nothing does not exist."),
        (("links", "edit", "nothing", "--add-tag", "x"), "The link nothing does not exist."),
        (("links", "delete", "nothing"), "The link nothing does not exist."),
        (("links", "edit", "one", "--set", "max_click=5"), "max_click: "),
        (("links", "edit", "one", "--expires-at", "tomorrow"), "expires_at: "),
        (("links", "edit", "one", "--add-tag", "a/b"), "tags/"),
        (("shorten", "nonsense"), ""),
        (("shorten", URL, "--code", "one"), "one"),
        (("shorten", URL, "--set", "title"), "title is not of the form NAME=VALUE."),
        (("tags", "list", "--workspace", "00000000-0000-4000-8000-000000000000"), "You have no such workspace."),
        (("tags", "merge", "red", "red"), "A tag cannot be merged into itself."),
    ):  # fmt: skip
        assert reason in program.refused(*arguments), arguments


async def test_a_link_of_a_domain_is_named_with_it(program, database):
    program("shorten", URL, "--code", "sale")
    async with database.driver_connection() as connection:
        await connection.execute(
            "INSERT INTO links (code, url, workspace_id) SELECT 'go.example.com/sale', 'https://example.com/on', "
            "(SELECT id FROM workspaces)"
        )
    assert program.json("links", "show", "go.example.com/sale")["url"] == "https://example.com/on"
    assert program.json("links", "show", "sale")["url"] == URL
    assert "go.example.com/sale " in program("links", "list", "--domain", "go.example.com")
    [text, _] = read(program("links", "qr", "go.example.com/sale").encode())
    assert text.startswith("http://go.example.com:")
    program("links", "delete", "go.example.com/sale")
    assert [link["domain"] for link in program.json("links", "list")["items"]] == [None]
