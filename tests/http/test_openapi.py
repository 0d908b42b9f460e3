"""The OpenAPI document says all that the service does, and the service does what the document says."""

import asyncio
import contextlib
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import orjson
import pytest
from fastapi.routing import iter_route_contexts

from shortener.accounts.commands import create_key, create_user
from shortener.processes.heartbeats import KEY as HEARTBEAT
from shortener.settings import Settings
from tests.accounts.conftest import PASSWORD, logged_in
from tests.conftest import changed
from tests.http.documented import ANYWHERE, check_documented, problem_types
from tests.serving import PATIENCE_S, serving

METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}
UNDOCUMENTED = {"/docs", "/redoc", "/openapi.json", "/static", "/static/vendor", "/static/redoc.js"}
UNDOCUMENTED |= {"/", "/robots.txt", "/favicon.ico", "/{code}/stats"}
# Types that no operation gives: of the dashboard, of single links in a bulk request, of the
# command line, and of requests that are not HTTP as this server speaks it.
ELSEWHERE = {
    "cross-site-request",
    "too-many-passwords",
    "email-taken",
    "http-version-not-supported",
    "transfer-coding-not-supported",
}

LOGO = "/api/v1/workspaces/{workspace_id}/logo"
MEMBER = "/api/v1/workspaces/{workspace_id}/members/{member_id}"
SUCCESS = {
    ("post", "/api/v1/auth/register"): "201",
    ("get", "/api/v1/auth/oidc/login"): "302",
    ("post", "/api/v1/auth/logout"): "204",
    ("post", "/api/v1/me/password"): "204",
    ("post", "/api/v1/me/delete"): "204",
    ("post", "/api/v1/keys"): "201",
    ("delete", "/api/v1/keys/{key_id}"): "204",
    ("post", "/api/v1/workspaces"): "201",
    ("delete", "/api/v1/workspaces/{workspace_id}"): "204",
    ("delete", MEMBER): "204",
    ("put", LOGO): "204",
    ("delete", LOGO): "204",
    ("post", "/api/v1/invitations"): "201",
    ("delete", "/api/v1/invitations/{invitation_id}"): "204",
    ("post", "/api/v1/links"): "201",
    ("delete", "/api/v1/links/{code}"): "204",
    ("post", "/api/v1/links/{code}/aliases"): "201",
    ("delete", "/api/v1/links/{code}/aliases/{alias}"): "204",
    ("post", "/api/v1/links/{code}/comments"): "201",
    ("delete", "/api/v1/links/{code}/comments/{comment_id}"): "204",
    ("delete", "/api/v1/me/sessions/{session_id}"): "204",
    ("post", "/api/v1/live/tickets"): "201",
    ("delete", "/api/v1/tags/{tag}"): "204",
    ("post", "/api/v1/domains"): "201",
    ("delete", "/api/v1/domains/{host}"): "204",
    ("post", "/api/v1/reports"): "202",
    ("post", "/api/v1/admin/bans"): "201",
    ("delete", "/api/v1/admin/bans/{ban_id}"): "204",
    ("post", "/api/v1/admin/reports/{report_id}/resolve"): "204",
}


@pytest.fixture
async def document(client) -> dict:
    return (await client.get("/openapi.json")).json()


def operations(document: dict) -> dict[tuple[str, str], dict]:
    return {
        (method, path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


async def test_every_route_is_documented(app, document):
    served = {
        (method.lower(), route.path)
        for route in iter_route_contexts(app.routes)
        if route.path not in UNDOCUMENTED
        and not route.path.startswith("/-/")
        and not (route.path.startswith(("/health", "/{code}.qr", "/{code}/badge")) and route.methods == {"HEAD"})
        for method in route.methods or {"get"}
    }
    redirects = {("get", "/{code}"), ("head", "/{code}"), ("post", "/{code}"), ("get", "/{code}+")}
    assert operations(document).keys() == served | redirects


async def test_every_error_is_documented_by_its_types(document):
    examples = document["components"]["examples"]
    used: set[str] = set()
    for (method, path), operation in operations(document).items():
        named = problem_types(operation)
        assert {status for status in operation["responses"] if status >= "400"} == {str(status) for status in named}
        for status, types in named.items():
            answer = operation["responses"][str(status)]
            content = answer["content"]["application/problem+json"]
            assert content["schema"]["allOf"][0] == {"$ref": "#/components/schemas/Problem"}
            assert content["examples"] == {type_: {"$ref": f"#/components/examples/{type_}"} for type_ in types}
            assert {examples[type_]["value"]["status"] for type_ in types} == {status}, (method, path)
            assert answer["description"] == "; ".join(examples[type_]["value"]["title"] for type_ in types)
            used |= set(types)
    assert used == examples.keys()
    assert all(example["description"] for example in examples.values())


async def test_each_operation_names_the_errors_of_its_credentials_and_of_reading_the_request(document):
    for (_, path), operation in operations(document).items():
        types = {type_ for named in problem_types(operation).values() for type_ in named}
        # Proxies ask without a credential, and are not limited.
        if path.startswith("/api/") and path != "/api/v1/domains/allowed":
            assert types >= {"invalid-credential", "client-banned", "too-many-requests", "service-unavailable"}, path
            assert ("authentication-required" in types) == ("security" in operation), path
            has_body, parameters = "requestBody" in operation, operation.get("parameters", [])
            has_query = any(parameter["in"] == "query" for parameter in parameters)
            assert ("content-too-large" in types) == has_body, path
            assert ("invalid-request" in types) == (has_body or bool(parameters)), path
            assert ("bad-request" in types) == (has_body or has_query), path
            assert ("insufficient-scope" in types) == _needs_scope(operation) or path == "/api/v1/invitations", path
            assert ("invalid-cursor" in types) == any(parameter["name"] == "cursor" for parameter in parameters), path


def _needs_scope(operation: dict) -> bool:
    return any(scopes for requirement in operation.get("security", ()) for scopes in requirement.values())


async def test_an_operation_names_the_errors_that_it_can_give_and_no_others(document):
    found = {key: problem_types(operation) for key, operation in operations(document).items()}
    assert found["get", "/api/v1/links/{code}"][404] == ["link-not-found"]
    assert found["delete", "/api/v1/keys/{key_id}"][404] == ["key-not-found"]
    assert found["post", "/api/v1/workspaces"][409] == ["too-many-workspaces"]
    assert found["post", "/api/v1/auth/register"][401] == ["invalid-credential"]
    assert found["post", "/api/v1/auth/logout"][403] == ["client-banned", "login-required"]
    assert found["post", "/{code}"][404] == ["not-found"]
    assert found["get", "/{code}"][410] == ["link-gone", "link-banned"]
    assert "too-many-bytes" in found["post", "/api/v1/links/bulk"][429]
    assert "too-many-bytes" not in found["post", "/api/v1/links"][429]


async def test_every_type_of_error_is_in_the_document(document):
    named = document["components"]["examples"].keys()
    described = set(re.findall(r"[a-z]+(?:-[a-z]+)+", document["components"]["schemas"]["Problem"]["description"]))
    types = set(re.findall(r"^\| `([a-z-]+)` \|", Path("docs/errors.md").read_text(), re.MULTILINE))
    assert described >= ANYWHERE
    assert types - named - described == ELSEWHERE


async def test_a_problem_that_the_document_does_not_name_fails_the_test_that_gets_it(app):
    request = httpx.Request("GET", "https://sho.rt/api/v1/links/abc")
    for type_, is_named in (("link-not-found", True), ("key-not-found", False)):
        content = orjson.dumps({"type": f"urn:shortener:problem:{type_}"})
        headers = {"content-type": "application/problem+json"}
        answer = httpx.Response(404, content=content, headers=headers, request=request)
        with contextlib.nullcontext() if is_named else pytest.raises(AssertionError, match="not documented"):
            await check_documented(answer)


async def test_every_operation_says_what_success_is_and_has_a_name_of_its_own(document):
    found = operations(document)
    assert len({operation["operationId"] for operation in found.values()}) == len(found)
    for (method, path), operation in found.items():
        success = ("303" if method == "post" else "302") if path == "/{code}" else SUCCESS.get((method, path), "200")
        assert success in operation["responses"], (method, path)
        assert operation["summary"]
        assert operation["tags"]
    assert "Location" in found["post", "/api/v1/links"]["responses"]["201"]["headers"]
    assert "Location" in found["get", "/{code}"]["responses"]["302"]["headers"]


async def test_requests_and_answers_have_examples(document):
    schemas = document["components"]["schemas"]
    for name, member in (("LinkCreate", "url"), ("LinkOut", "code"), ("LinkOut", "short_url"), ("LinkOut", "clicks")):
        assert schemas[name]["properties"][member]["examples"], (name, member)


async def test_no_reference_leads_nowhere_and_no_schema_is_left_over(document):
    used = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert used == document["components"]["schemas"].keys()


async def test_the_bounds_of_requests_are_in_the_document(document):
    properties = document["components"]["schemas"]["LinkCreate"]["properties"]
    assert properties["title"]["anyOf"][0]["maxLength"] == 300
    assert properties["code"]["anyOf"][0]["pattern"] == "^[A-Za-z0-9_-]{3,64}$"
    assert document["components"]["schemas"]["LinkCreate"]["additionalProperties"] is False


async def test_the_document_is_read_once_and_sent_only_to_clients_that_do_not_have_it(client, monkeypatch):
    first = await client.get("/openapi.json")
    assert first.headers["content-type"] == "application/json"
    etag = first.headers["etag"]
    monkeypatch.setattr("shortener.http.openapi.files", None)
    for known in (etag, f"W/{etag}", f'"another", {etag}', "*"):
        again = await client.get("/openapi.json", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag), known
    for unknown in ('"another"', "", etag.strip('"')):
        again = await client.get("/openapi.json", headers={"If-None-Match": unknown})
        assert (again.status_code, again.content) == (200, first.content), unknown


async def test_the_script_of_the_documentation_is_sent_only_to_clients_that_do_not_have_it(client):
    first = await client.get("/static/redoc.js")
    again = await client.get("/static/redoc.js", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


# What the document permits may still be refused for what it means: a URL that leads back here, a span that is empty.
# And a repeated Idempotency-Key gives the first answer again, even when its link is gone. What it does not permit for
# one of many links is that link's result, and the answer is 200; and a link may have the code "bulk", as "accept" may
# stand for an invitation, so that these paths allow more methods than one. Only a link with a password takes POST.
# A body that is too large is refused before it is read.
CONFIG = """
[checks]
enabled = true
positive_data_acceptance.enabled = false
negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "405", "409", "413", "422", "429", "5xx"]
ensure_resource_availability.enabled = false

[[operations]]
include-path = "/api/v1/links/bulk"
checks.negative_data_rejection.enabled = false
checks.allow_header_conformance.enabled = false

[[operations]]
include-path = "/api/v1/links/exists"
checks.allow_header_conformance.enabled = false

[[operations]]
include-path = "/api/v1/domains/allowed"
checks.allow_header_conformance.enabled = false

[[operations]]
include-path = "/{code}"
checks.allow_header_conformance.enabled = false

[[operations]]
include-path = "/api/v1/invitations/accept"
checks.allow_header_conformance.enabled = false

[[operations]]
include-path = "/api/v1/invitations/preview"
checks.allow_header_conformance.enabled = false
"""


# Random requests for each operation, beside those that are made of every constraint in the document, some forty for
# each. An admin's get furthest: most of the others' are refused before they are read.
# Without a credential most requests get no further than the check of it, and what admins alone may do is tried by them.
# A logout, or the deletion of a key, would end the credential that all others are tried with.
OPTIONS = {
    "anonymous": ["--max-examples=5", "--phases=examples,fuzzing,stateful"],
    "user": [
        "--max-examples=5",
        "--exclude-path-regex=^/api/v1/admin/",
        "--exclude-path=/api/v1/auth/logout",
        "--exclude-path=/api/v1/me/sessions/{session_id}",
    ],
    "admin": [
        "--max-examples=10",
        "--include-path-regex=^/api/v1/(admin/|keys|auth/verify|workspaces)",
        "--exclude-path=/api/v1/keys/{key_id}",
    ],
}


async def credential_of(settings: Settings, who: str, url: str) -> dict[str, str]:
    """The credentials: a user's login, which may do more than a key, and an admin's key."""
    if who == "anonymous":
        return {}
    email = f"{who}@example.com"
    await create_user(settings, email, PASSWORD, is_admin=who == "admin")
    if who == "admin":
        return {"X-API-Key": await create_key(settings, email, "all", [], None, None)}
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
        return (await logged_in(client, email)).headers


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("who", OPTIONS)
async def test_no_request_that_can_be_made_of_the_document_is_answered_against_it(settings, redis, tmp_path, who):
    await redis.zadd(HEARTBEAT, {"worker-1": time.time() + 3600})
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "schemathesis.cli", "run"]
    options = [*OPTIONS[who], "--generation-deterministic", "--no-color"]
    with serving(changed(settings, registration="open")) as url:
        headers = await credential_of(settings, who, url)
        options += [f"--header={name}: {value}" for name, value in headers.items()]
        done = await asyncio.to_thread(
            subprocess.run,
            [*command, *options, f"{url}/openapi.json"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=550,
        )
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_S) as client:
            # Whoever was let in still is: nothing was tried in vain.
            assert (await client.get("/api/v1/me")).status_code == (200 if headers else 401)
    assert done.returncode == 0, done.stdout
    assert re.search(r"Tested: +\d+", done.stdout)
    assert int(re.search(r"(\d+) generated", done.stdout)[1]) > 500
