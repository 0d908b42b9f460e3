"""The OpenAPI document says all that the service does, and the service does what the document says."""

import asyncio
import re
import socket
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi.routing import iter_route_contexts

from shortener.accounts.commands import create_key, create_user
from shortener.processes.heartbeats import KEY as HEARTBEAT
from shortener.processes.web import serve
from shortener.settings import Settings
from tests.accounts.conftest import PASSWORD, logged_in
from tests.conftest import changed
from tests.serving import serving

METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}
UNDOCUMENTED = {"/docs", "/redoc", "/openapi.json", "/static", "/static/vendor", "/static/redoc.js"}
UNDOCUMENTED |= {"/robots.txt", "/favicon.ico"}

ALWAYS_POSSIBLE = {"429", "503"}
FOR_WHO_MAY = {"401", "403"}
MEMBER = "/api/v1/workspaces/{workspace_id}/members/{member_id}"
ERRORS = {
    ("post", "/api/v1/auth/register"): {"400", "403", "413", "422"},
    ("post", "/api/v1/auth/token"): FOR_WHO_MAY | {"400", "413", "422"},
    ("post", "/api/v1/auth/refresh"): FOR_WHO_MAY | {"400", "413", "422"},
    ("get", "/api/v1/auth/oidc/login"): FOR_WHO_MAY | {"404", "502"},
    ("get", "/api/v1/auth/oidc/callback"): FOR_WHO_MAY | {"400", "404", "409", "422", "502"},
    ("post", "/api/v1/auth/logout"): FOR_WHO_MAY,
    ("post", "/api/v1/auth/verify"): FOR_WHO_MAY | {"400", "413", "422"},
    ("get", "/api/v1/me"): FOR_WHO_MAY,
    ("post", "/api/v1/me/password"): FOR_WHO_MAY | {"400", "409", "413", "422"},
    ("post", "/api/v1/me/delete"): FOR_WHO_MAY | {"400", "409", "413", "422"},
    ("post", "/api/v1/workspaces"): FOR_WHO_MAY | {"400", "409", "413", "422"},
    ("get", "/api/v1/workspaces"): FOR_WHO_MAY | {"400", "422"},
    ("get", "/api/v1/workspaces/{workspace_id}"): FOR_WHO_MAY | {"404", "422"},
    ("patch", "/api/v1/workspaces/{workspace_id}"): FOR_WHO_MAY | {"400", "404", "413", "422"},
    ("delete", "/api/v1/workspaces/{workspace_id}"): FOR_WHO_MAY | {"404", "409", "422"},
    ("get", "/api/v1/workspaces/{workspace_id}/members"): FOR_WHO_MAY | {"400", "404", "422"},
    ("patch", MEMBER): FOR_WHO_MAY | {"400", "404", "409", "413", "422"},
    ("delete", MEMBER): FOR_WHO_MAY | {"404", "409", "422"},
    ("post", "/api/v1/invitations"): FOR_WHO_MAY | {"400", "404", "409", "413", "422"},
    ("get", "/api/v1/invitations"): FOR_WHO_MAY | {"400", "422"},
    ("delete", "/api/v1/invitations/{invitation_id}"): FOR_WHO_MAY | {"404", "422"},
    ("post", "/api/v1/invitations/accept"): FOR_WHO_MAY | {"400", "404", "409", "413", "422"},
    ("post", "/api/v1/keys"): FOR_WHO_MAY | {"400", "409", "413", "422"},
    ("get", "/api/v1/keys"): FOR_WHO_MAY,
    ("delete", "/api/v1/keys/{key_id}"): FOR_WHO_MAY | {"404", "422"},
    ("post", "/api/v1/links"): FOR_WHO_MAY | {"400", "404", "409", "413", "422"},
    ("post", "/api/v1/links/bulk"): FOR_WHO_MAY | {"400", "404", "413", "422"},
    ("get", "/api/v1/links"): FOR_WHO_MAY | {"400", "404", "422"},
    ("get", "/api/v1/links/{code}"): FOR_WHO_MAY | {"404", "422"},
    ("patch", "/api/v1/links/{code}"): FOR_WHO_MAY | {"400", "404", "409", "413", "422"},
    ("delete", "/api/v1/links/{code}"): FOR_WHO_MAY | {"404", "422"},
    ("get", "/api/v1/links/{code}/stats"): FOR_WHO_MAY | {"404", "422"},
    ("get", "/api/v1/links/{code}/clicks"): FOR_WHO_MAY | {"400", "404", "422"},
    ("get", "/api/v1/admin/audit"): FOR_WHO_MAY | {"400", "422"},
    ("post", "/api/v1/reports"): FOR_WHO_MAY | {"400", "413", "422"},
    ("post", "/api/v1/admin/bans"): FOR_WHO_MAY | {"400", "404", "409", "413", "422"},
    ("get", "/api/v1/admin/bans"): FOR_WHO_MAY | {"400", "422"},
    ("get", "/api/v1/admin/bans/{ban_id}"): FOR_WHO_MAY | {"404", "422"},
    ("delete", "/api/v1/admin/bans/{ban_id}"): FOR_WHO_MAY | {"404", "422"},
    ("get", "/api/v1/admin/reports"): FOR_WHO_MAY | {"400", "422"},
    ("post", "/api/v1/admin/reports/{report_id}/resolve"): FOR_WHO_MAY | {"400", "404", "409", "413", "422"},
    ("get", "/api/v1/admin/links"): FOR_WHO_MAY | {"400", "422"},
    ("get", "/api/v1/admin/links/{code}"): FOR_WHO_MAY | {"404", "422"},
    ("patch", "/api/v1/admin/links/{code}"): FOR_WHO_MAY | {"400", "404", "413", "422"},
    ("get", "/api/v1/admin/users"): FOR_WHO_MAY | {"400", "422"},
    ("get", "/api/v1/admin/users/{user_id}"): FOR_WHO_MAY | {"404", "422"},
    ("patch", "/api/v1/admin/users/{user_id}"): FOR_WHO_MAY | {"400", "404", "409", "413", "422"},
    ("get", "/{code}"): {"404", "410"},
    ("head", "/{code}"): {"404", "410"},
    ("get", "/{code}+"): {"404", "410"},
}
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
    ("post", "/api/v1/invitations"): "201",
    ("delete", "/api/v1/invitations/{invitation_id}"): "204",
    ("post", "/api/v1/links"): "201",
    ("delete", "/api/v1/links/{code}"): "204",
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
        if route.path not in UNDOCUMENTED and not (route.path.startswith("/health") and route.methods == {"HEAD"})
        for method in route.methods or {"get"}
    }
    redirects = {("get", "/{code}"), ("head", "/{code}"), ("get", "/{code}+")}
    assert operations(document).keys() == served | redirects


async def test_every_error_is_documented_as_a_problem(document):
    for (method, path), operation in operations(document).items():
        responses = operation["responses"]
        failures = {status for status in responses if status >= "400"}
        if path.startswith("/health"):
            assert failures <= {"503"}
            continue
        assert (path, failures) == (path, ERRORS[method, path] | ALWAYS_POSSIBLE)
        for status in failures:
            content = responses[status]["content"]
            assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert content["application/problem+json"]["example"]["status"] == int(status)
        assert "Retry-After" in responses["429"]["headers"]
        assert "401" not in responses or "WWW-Authenticate" in responses["401"]["headers"]


async def test_every_operation_says_what_success_is_and_has_a_name_of_its_own(document):
    found = operations(document)
    assert len({operation["operationId"] for operation in found.values()}) == len(found)
    for (method, path), operation in found.items():
        success = "302" if path == "/{code}" else SUCCESS.get((method, path), "200")
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


async def test_the_document_is_made_once_and_sent_only_to_clients_that_do_not_have_it(client, monkeypatch):
    first = await client.get("/openapi.json")
    assert first.headers["content-type"] == "application/json"
    etag = first.headers["etag"]
    monkeypatch.setattr("shortener.http.openapi.get_openapi", None)
    for known in (etag, f"W/{etag}", f'"another", {etag}', "*"):
        again = await client.get("/openapi.json", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag), known
    for unknown in ('"another"', "", etag.strip('"')):
        again = await client.get("/openapi.json", headers={"If-None-Match": unknown})
        assert (again.status_code, again.content) == (200, first.content), unknown


def test_the_document_is_made_before_a_process_serves(settings, monkeypatch):
    served: list[Any] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: served.append(self.config.loaded_app))
    monkeypatch.setattr("shortener.processes.web.gc.freeze", lambda: None)
    monkeypatch.setattr("shortener.main.get_settings", lambda: settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serve(settings, listener)
    assert served[0].state.openapi.cache_info().currsize == 1


async def test_the_script_of_the_documentation_is_sent_only_to_clients_that_do_not_have_it(client):
    first = await client.get("/static/redoc.js")
    again = await client.get("/static/redoc.js", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


# What the document permits may still be refused for what it means: a URL that leads back here, a span that is
# empty. And a repeated Idempotency-Key gives the first answer again, also when its link is gone.
# What it does not permit for one of many links is that link's result, and the answer is 200; and a link
# may have the code "bulk", as "accept" may stand for an invitation, so that these paths allow more methods than one.
CONFIG = """
[checks]
enabled = true
positive_data_acceptance.enabled = false
ensure_resource_availability.enabled = false

[[operations]]
include-path = "/api/v1/links/bulk"
checks.negative_data_rejection.enabled = false
checks.allow_header_conformance.enabled = false

[[operations]]
include-path = "/api/v1/invitations/accept"
checks.allow_header_conformance.enabled = false
"""


# Random requests for each operation, beside those that are made of every constraint in the document, some forty for
# each. An admin's get furthest: most of the others' are refused before they are read.
EXAMPLES = {"anonymous": 5, "user": 5, "admin": 20}


async def credential_of(settings: Settings, who: str, url: str) -> dict[str, str]:
    """What is shown: a user's login, which may do also what a key may not, and an admin's key."""
    if who == "anonymous":
        return {}
    email = f"{who}@example.com"
    await create_user(settings, email, PASSWORD, is_admin=who == "admin")
    if who == "admin":
        return {"X-API-Key": await create_key(settings, email, "all", [], None, None)}
    async with httpx.AsyncClient(base_url=url) as client:
        return (await logged_in(client, email)).headers


@pytest.mark.timeout(170)
@pytest.mark.parametrize("who", EXAMPLES)
async def test_no_request_that_can_be_made_of_the_document_is_answered_against_it(settings, redis, tmp_path, who):
    await redis.zadd(HEARTBEAT, {"worker-1": time.time() + 3600})
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "schemathesis.cli", "run"]
    options = [f"--max-examples={EXAMPLES[who]}", "--generation-deterministic", "--no-color"]
    with serving(changed(settings, registration="open")) as url:
        headers = await credential_of(settings, who, url)
        options += [f"--header={name}: {value}" for name, value in headers.items()]
        # It would end the login, or the key, that all others are tried with.
        if who == "user":
            options.append("--exclude-path=/api/v1/auth/logout")
        if who == "admin":
            options.append("--exclude-path=/api/v1/keys/{key_id}")
        done = await asyncio.to_thread(
            subprocess.run,
            [*command, *options, f"{url}/openapi.json"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        async with httpx.AsyncClient(base_url=url, headers=headers) as client:
            # Whoever was let in still is: nothing was tried in vain.
            assert (await client.get("/api/v1/me")).status_code == (200 if headers else 401)
    assert done.returncode == 0, done.stdout
    assert re.search(r"Tested: +\d+", done.stdout)
    assert int(re.search(r"(\d+) generated", done.stdout)[1]) > 1500
