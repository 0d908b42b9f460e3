"""No bad input is answered by anything but a problem document that says what is wrong."""

import base64
import json

import pytest

from shortener.http.body_limit import MAX_BODY_BYTES, MAX_PARAMETERS, MAX_QUERY_BYTES
from shortener.http.json_body import MAX_MEMBERS, MAX_SIGNS
from tests.conftest import create_link
from tests.links.test_api import LINKS, URL, assert_problem

JSON = {"Content-Type": "application/json"}

BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "null": b"null",
    "a string": b'"https://example.com"',
    "a number": b"1",
    "no url": b"{}",
    "a url of another type": b'{"url": 1}',
    "a url that is null": b'{"url": null}',
    "a url in a list": b'{"url": ["https://example.com"]}',
    "a code of another type": b'{"url": "https://example.com", "code": 12345}',
    "a title of another type": b'{"url": "https://example.com", "title": {}}',
    "an endless title": json.dumps({"url": URL, "title": "x" * 301}).encode(),
    "NUL in the url": b'{"url": "https://example.com/\\u0000"}',
    "NUL in the code": b'{"url": "https://example.com", "code": "abc\\u0000"}',
    "NUL in the title": b'{"url": "https://example.com", "title": "a\\u0000b"}',
    "NUL in a name": b'{"url": "https://example.com", "a\\u0000": 1}',
    "half a surrogate in the url": b'{"url": "https://example.com/\\ud800"}',
    "half a surrogate in the code": b'{"url": "https://example.com", "code": "abc\\ud800"}',
    "half a surrogate in the title": b'{"url": "https://example.com", "title": "\\udfff"}',
    "half a surrogate in a name": b'{"url": "https://example.com", "\\ud800": 1}',
    "a time that is a huge number": b'{"url": "https://example.com", "expires_at": ' + b"9" * 400 + b"}",
    "a time beyond all numbers": b'{"url": "https://example.com", "expires_at": 1e999}',
    "a time that is not a number": b'{"url": "https://example.com", "expires_at": NaN}',
    "a bidirectional override in the title": '{"url": "https://example.com", "title": "\u202egpj.exe"}'.encode(),
}


async def test_a_body_that_makes_no_link_is_refused(client):
    for name, body in BODIES.items():
        answer = await client.post(LINKS, content=body, headers=JSON)
        assert (name, answer.status_code) == (name, 422)
        assert_problem(answer, 422, answer.json()["type"].rpartition(":")[2])
        assert answer.json()["errors"]


async def test_no_body_whatever_breaks_a_change(client):
    link = await create_link(client, code="changed")
    for name, body in BODIES.items():
        if name == "no url":
            continue
        answer = await client.patch(f"{LINKS}/changed", content=body, headers=JSON)
        assert (name, answer.status_code) == (name, 422)
    assert (await client.get(f"{LINKS}/changed")).json() == link


# Who looks at bodies before this service does might not see what it says.
UTF_16 = json.dumps({"url": URL}).encode("utf-16")


async def test_json_that_no_parser_takes_is_a_bad_request(client):
    for body in (b'{"url": ' + b"9" * 5000 + b"}", b"[" * 30_000 + b"]" * 30_000, b"\xff\xfe\x00", UTF_16):
        assert_problem(await client.post(LINKS, content=body, headers=JSON), 400, "bad-request")


async def test_json_that_begins_with_utf_8s_own_mark_is_read(client):
    body = b"\xef\xbb\xbf" + json.dumps({"url": URL}).encode()
    assert (await client.post(LINKS, content=body, headers=JSON)).status_code == 201


MANY = MAX_SIGNS + 1
TOO_MANY_VALUES = {
    "lists": b'{"links": [' + b"[]," * MANY + b"[]]}",
    "numbers": b'{"links": [' + b"1," * MANY + b"1]}",
    "objects": b'{"links": [' + b"{}," * MANY + b"{}]}",
    "members": b'{"links": [{' + b",".join(b'"%x":1' % n for n in range(MANY + 1)) + b"}]}",
    "depth": b'{"links": ' + b'{"a":' * MANY,
}


@pytest.mark.parametrize("body", TOO_MANY_VALUES.values(), ids=TOO_MANY_VALUES)
async def test_a_body_of_too_many_values_is_not_parsed(client, body, monkeypatch):
    """Sixteen megabytes of them would take two gigabytes, and hold up all redirects for seconds."""
    monkeypatch.setattr(json, "loads", None)
    answer = await client.post(f"{LINKS}/bulk", content=body, headers=JSON)
    monkeypatch.undo()
    assert_problem(answer, 413, "content-too-large")


async def test_a_thousand_of_the_longest_links_are_not_too_many_values(client):
    url = f"{URL}{',' * 230}".ljust(8190, "x")
    links = [{"url": url, "title": '",{"' * 2, "code": None, "expires_at": None}] * 1000
    answer = await client.post(f"{LINKS}/bulk", json={"links": links})
    assert (answer.status_code, answer.json()["created"]) == (200, 1000)


async def test_of_too_many_members_none_is_read(client):
    unknown = {f"x{n}": n for n in range(MAX_MEMBERS)}
    answer = await client.post(LINKS, json={"url": URL} | unknown)
    assert_problem(answer, 422, "invalid-request")
    assert answer.json()["errors"] == [{"in": "body", "field": "/", "message": "it has more than 40 members"}]
    answer = await client.post(f"{LINKS}/bulk", json={"links": [{"url": URL} | unknown, {"url": URL}]})
    refused, made = answer.json()["results"]
    assert (refused["status"], refused["problem"]["errors"]) == (
        422,
        [{"in": "body", "field": "/links/0", "message": "it has more than 40 members"}],
    )
    assert made["status"] == 201
    answer = await client.post(f"{LINKS}/bulk", json={"links": [{"url": URL}]} | unknown)
    assert_problem(answer, 422, "invalid-request")
    assert len(answer.json()["errors"]) == 1


async def test_as_many_parameters_as_allowed_are_read_and_one_more_is_refused(client):
    await create_link(client, code="abc")
    for path, status in ((LINKS, 200), ("/health/live", 200), ("/api/nowhere", 404), ("/abc", 302)):
        query = "&".join(f"x{n}=1" for n in range(MAX_PARAMETERS))
        assert (await client.get(f"{path}?{query}")).status_code == status
        for too_much in (f"{query}&", "x" * (MAX_QUERY_BYTES + 1)):
            answer = await client.get(f"{path}?{too_much}")
            assert (path, answer.status_code) == (path, 302 if path == "/abc" else 400)
        assert (await client.get(f"{path}?{'x' * MAX_QUERY_BYTES}")).status_code == status


async def test_a_body_that_is_not_said_to_be_json_is_refused(client):
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"):
        answer = await client.post(
            LINKS, content=b'{"url": "https://a.example"}', headers={"Content-Type": content_type}
        )
        assert_problem(answer, 422, "invalid-request")
        assert "Content-Type: application/json" in answer.json()["detail"]


def padded(size: int) -> bytes:
    return json.dumps({"url": URL}).encode().ljust(size)


async def test_the_largest_body_is_read_and_one_byte_more_is_refused(client):
    assert MAX_BODY_BYTES == 64 * 1024
    assert (await client.post(LINKS, content=padded(MAX_BODY_BYTES), headers=JSON)).status_code == 201
    of_a_link = f"{LINKS}/abc"
    for method, path in (("POST", LINKS), ("PATCH", of_a_link), ("DELETE", of_a_link), ("POST", "/api/nowhere")):
        answer = await client.request(method, path, content=padded(MAX_BODY_BYTES + 1), headers=JSON)
        assert_problem(answer, 413, "content-too-large")


async def test_a_body_that_does_not_say_its_size_is_read_no_further_than_the_bound(client):
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 1000
            yield b" " * 1000

    answer = await client.post(LINKS, content=endless(), headers=JSON)
    assert_problem(answer, 413, "content-too-large")
    assert sent <= MAX_BODY_BYTES + 2000


async def test_a_path_with_what_is_no_code_is_refused(client):
    for code in ("a b", "%00", "abc%0A", "ü", "%ED%A0%80", "a" * 65, "abc+", "a.b"):
        for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
            assert_problem(await client.request(method, f"{LINKS}/{code}", json=body), 422, "invalid-request")


async def test_a_parameter_that_cannot_be_read_is_refused(client):
    await create_link(client, code="abc")
    for path in ("/stats?from=%00", "/stats?tz=%00", "/stats?interval=x", f"/clicks?limit={'9' * 50}"):
        assert_problem(await client.get(f"{LINKS}/abc{path}"), 422, "invalid-request")


OUT_OF_BOUNDS = [
    {"limit": "0"},
    {"limit": "101"},
    {"limit": "-1"},
    {"limit": "x"},
    {"limit": "9" * 50},
    {"limit": ""},
    {"sort": "url"},
    {"sort": "created_at; DROP TABLE links"},
    {"order": "up"},
    {"q": "a\x00b"},
    {"q": "x" * 201},
    {"cursor": "A" * 2001},
]


async def test_a_list_is_refused_for_parameters_out_of_bounds(client):
    for query in OUT_OF_BOUNDS:
        assert_problem(await client.get(LINKS, params=query), 422, "invalid-request")


async def test_half_a_surrogate_in_a_search_finds_nothing(client):
    answer = await client.get(f"{LINKS}?q=%ED%A0%80")
    assert (answer.status_code, answer.json()["total"]) == (200, 0)


def cursor(document: object) -> str:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


MOMENT = "2026-01-01T00:00:00Z"


FORGED = [
    ("created_at", "x"),
    ("created_at", "%00"),
    ("created_at", "ü"),
    ("created_at", "AAAA"),
    ("created_at", cursor(b"[" * 700)),
    ("created_at", cursor(["created_at:desc", []])),
    ("created_at", cursor(["created_at:desc", [MOMENT]])),
    ("created_at", cursor(["created_at:desc", [MOMENT, 1, 1]])),
    ("created_at", cursor(["created_at:desc", [1, MOMENT]])),
    ("created_at", cursor(["created_at:asc", [MOMENT, 1]])),
    ("created_at", cursor(["clicks:desc", [1, 1]])),
    ("created_at", cursor(["created_at:desc", [MOMENT, 2**63]])),
    ("created_at", cursor(["created_at:desc", [MOMENT, 2**70]])),
    ("created_at", cursor(["created_at:desc", ["2026-01-01T00:00:00", 1]])),
    ("created_at", cursor(["created_at:desc", ["0001-01-01T00:00:00+23:00", 1]])),
    ("updated_at", cursor(["updated_at:desc", ["9999-12-31T23:59:59-23:00", 1]])),
    ("clicks", cursor(["clicks:desc", [2**63, 1]])),
    ("clicks", cursor(["clicks:desc", [1.5, 1]])),
    ("clicks", cursor(["clicks:desc", [True, 1]])),
    ("code", cursor(["code:desc", ["a\x00", 1]])),
    ("title", cursor(["title:desc", ["\ud800", 1]])),
]


async def test_a_cursor_that_this_list_has_not_given_is_refused(client):
    for sort, forged in FORGED:
        answer = await client.get(LINKS, params={"sort": sort, "cursor": forged})
        assert_problem(answer, 400, "invalid-cursor")


async def test_a_cursor_far_beyond_the_list_ends_it(client):
    await create_link(client)
    for values in ([MOMENT, 2**40], ["9999-12-31T23:59:59.999999Z", 2**62], ["0001-01-01T00:00:00Z", -(2**62)]):
        answer = await client.get(LINKS, params={"cursor": cursor(["created_at:desc", values])})
        assert answer.status_code == 200


REFUSED_BY_THE_FRAMEWORK = [
    ("GET", "/api/v1/nothing", 404, "not-found"),
    ("PUT", LINKS, 405, "method-not-allowed"),
    ("POST", f"{LINKS}/abc", 405, "method-not-allowed"),
    ("POST", "/health/live", 405, "method-not-allowed"),
    ("GET", "/static/nothing.js", 404, "not-found"),
    ("GET", "/static/%00", 404, "not-found"),
    ("GET", "/static/%2e%2e/settings.py", 404, "not-found"),
]


async def test_what_the_framework_refuses_is_a_problem_document_too(client):
    for method, path, status, type_ in REFUSED_BY_THE_FRAMEWORK:
        assert_problem(await client.request(method, path), status, type_)


async def test_a_method_that_is_not_allowed_is_answered_with_all_that_are(client):
    for path, allowed in (
        (LINKS, "GET, POST"),
        (f"{LINKS}/abc", "DELETE, GET, PATCH, PUT"),
        (f"{LINKS}/abc/stats", "GET"),
        ("/health/live", "GET, HEAD"),
        ("/abc", "GET, HEAD"),
        ("/abc+", "GET, HEAD"),
    ):
        answer = await client.request("OPTIONS", path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_a_body_that_python_cannot_parse_is_told_why(client):
    for body, detail in (
        (b"[" * 30_000 + b"]" * 30_000, "The body is nested too deeply."),
        (b'{"url": ' + b"9" * 5000 + b"}", "The body has a number with too many digits."),
    ):
        answer = await client.post(LINKS, content=body, headers={"Content-Type": "application/json"})
        assert_problem(answer, 400, "bad-request", detail=detail)


async def test_a_body_that_is_not_utf_8_is_named_as_such(client):
    for encoding in ("latin-1", "utf-16", "cp1252"):
        body = '{"url": "https://example.com/", "title": "Füße"}'.encode(encoding)
        answer = await client.post(LINKS, content=body, headers={"Content-Type": "application/json"})
        assert_problem(answer, 400, "bad-request", detail="The body is not UTF-8. Send JSON in UTF-8.")
