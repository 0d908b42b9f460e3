"""The most expensive request that each route allows, and data that make it expensive: for measuring how long it holds
the event loop."""

import itertools
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

import asyncpg
import httpx

from shortener.figures.spans import MAX_BUCKETS
from shortener.http.body_limit import MAX_PARAMETERS
from shortener.links.schemas import MAX_BULK, MAX_TITLE
from shortener.main import MAX_BODY_BYTES, MAX_BULK_BODY_BYTES, MAX_LOGIN_BODY_BYTES
from shortener.operations.seed import seed
from shortener.screening.destinations import MAX_LENGTH

ADMIN, PASSWORD = "ada@example.com", "mauve giraffe cycles"
# The farthest zone whose days and hours begin with no day or hour of UTC.
FAR = "Pacific/Chatham"
BUSY, LONG = "busy", "long000"
HOST_BANS, CLIENT_BANS, MANY = 10_000, 2_000, 95
# As many, and as long ones, as are allowed beside those that mean something.
PARAMETERS = "&".join(f"x{n}={'%C3%BC' * 11}" for n in range(MAX_PARAMETERS - 10))
MANY_PARAMETERS = "&".join(f"{n:x}" for n in range(6_000))

_numbers = itertools.count()
_FILL = f"""
    UPDATE users SET is_admin = true WHERE email = '{ADMIN}';
    CREATE TEMP TABLE me AS SELECT users.id, workspaces.id AS personal FROM users
        JOIN workspaces ON personal_user_id = users.id WHERE email = '{ADMIN}';
    UPDATE links SET workspace_id = (SELECT personal FROM me) WHERE code = '{BUSY}';
    INSERT INTO links (code, url, title, workspace_id)
        SELECT 'long' || lpad(n::text, 3, '0'), rpad('https://example.com/' || n || '/', {MAX_LENGTH}, 'a'),
            rpad(n::text, {MAX_TITLE}, 'ü'), (SELECT personal FROM me) FROM generate_series(0, 119) AS n;
    INSERT INTO report_cases (link_id, reports) SELECT id, 100 FROM links WHERE code LIKE 'long%' AND code < 'long100';
    INSERT INTO reports (case_id, reason, comment)
        SELECT id, 'other', repeat('ü', 1000) FROM report_cases, generate_series(1, 100);
    INSERT INTO users (email) SELECT n || rpad('@', 240, 'a') || '.example' FROM generate_series(1, 200) AS n;
    INSERT INTO bans (kind, value, reason)
        SELECT 'host', n || '.banned.example', repeat('ü', 500) FROM generate_series(1, {HOST_BANS}) AS n;
    INSERT INTO bans (kind, value, reason)
        SELECT 'client', set_masklen('198.18.0.0'::inet + 256 * n, 24)::cidr::text, 'spam'
        FROM generate_series(1, {CLIENT_BANS}) AS n;
    INSERT INTO workspaces (id, name)
        SELECT gen_random_uuid(), rpad(n::text, 100, 'ü') FROM generate_series(1, {MANY}) AS n;
    INSERT INTO workspace_members (workspace_id, user_id, id, role)
        SELECT workspaces.id, me.id, gen_random_uuid(), 'owner' FROM me, workspaces WHERE personal_user_id IS NULL;
    INSERT INTO workspace_members (workspace_id, user_id, id, role)
        SELECT w.id, users.id, gen_random_uuid(), 'viewer'
        FROM (SELECT id FROM workspaces WHERE name LIKE '1ü%') AS w, users WHERE users.id NOT IN (SELECT id FROM me);
    INSERT INTO invitations (id, workspace_id, email, role, hash, invited_by, expires_at)
        SELECT gen_random_uuid(), w.id, n || rpad('@', 240, 'b') || '.example', 'viewer',
            sha256(n::text::bytea), me.id, now() + interval '1 day'
        FROM me, (SELECT id FROM workspaces WHERE name LIKE '1ü%') AS w, generate_series(1, {MANY}) AS n;
    INSERT INTO api_keys (id, user_id, name, prefix, hash, scopes)
        SELECT gen_random_uuid(), id, rpad(n::text, 100, 'ü'), 'shr_abcdef', sha256(n::text::bytea),
            '{{links:read,links:write,stats:read,admin}}' FROM me, generate_series(1, {MANY}) AS n;
    INSERT INTO audit_log (action, actor, means, client, target, details)
        SELECT 'link_changed', 'user:' || n, 'key:' || gen_random_uuid(), '2001:db8:1234::/48',
            'link:' || rpad('', 64, 'a'), '{{"fields": ["url", "title", "expires_at", "disabled", "workspace"]}}'
        FROM generate_series(1, 200) AS n;
"""


class World(NamedTuple):
    """A running service and what there is to ask it for. `client` is an admin's, who is logged in, `stranger` nobody's;
    `workspace` has 200 members."""

    client: httpx.Client
    stranger: httpx.Client
    workspace: str

    def ask(self, method: str, path: str, *statuses: int, **options: Any) -> httpx.Response:
        answer = self.client.request(method, path, **options)
        assert answer.status_code in (statuses or (200, 201, 202, 204)), (method, path, answer.text[:500])
        return answer

    def get(self, path: str, *statuses: int, **query: Any) -> httpx.Response:
        return self.ask("GET", f"/api/v1{path}?{urlencode(query)}&{PARAMETERS}", *statuses)

    def post(self, path: str, *statuses: int, **body: Any) -> Any:
        answer = self.ask("POST", f"/api/v1{path}", *statuses, json=body)
        return answer.json() if answer.content else None

    def get_document(self) -> None:
        self.ask("GET", "/openapi.json")

    def flood(self, method: str, path: str) -> None:
        """Two bodies that are refused: as many members that nobody knows as there is room for, and as many values."""
        for body in (many_members(), b"[" + b"1," * 30_000 + b"1]"):
            self.ask(method, f"/api/v1{path}", 413, 422, content=body, headers={"Content-Type": "application/json"})


# Asks for what is most expensive, and for what has to be there for it; fails when an answer is another than expected.
Act = Callable[[World], Any]


def number() -> str:
    return f"{next(_numbers)}{secrets.token_hex(4)}"


def email() -> str:
    return f"{number()}@{'a' * 60}.{'b' * 60}.example"


def long_url() -> str:
    return f"https://example.com/{number()}/".ljust(MAX_LENGTH, "a")


def many_members(size: int = MAX_BODY_BYTES - 100) -> bytes:
    return b"{" + b",".join(b'"%04x":1' % n for n in range(size // 9)) + b"}"


def long_links(count: int) -> list[dict[str, Any]]:
    return [{"url": long_url(), "title": "ü" * MAX_TITLE} for _ in range(count)]


def escaped_body() -> bytes:
    """As many of the longest URLs as a body has room for when each character is written as six."""
    link = b'{"url":"https://example.com/%b"}' % (b"\\u0061" * (MAX_LENGTH - 30))
    return b'{"links":[%b]}' % b",".join([link] * (MAX_BULK_BODY_BYTES // len(link) - 1))


def create_links(world: World) -> None:
    world.post("/links/bulk", links=long_links(MAX_BULK))
    # Mistakes take longer to tell than links to make: each link has as many as are told.
    world.post("/links/bulk", links=[dict.fromkeys(map(str, range(20)), 1)] * MAX_BULK)
    world.ask("POST", "/api/v1/links/bulk", content=escaped_body(), headers={"Content-Type": "application/json"})
    world.post("/links/bulk", links=[{"url": f"https://bücher.example:8080/{n}/ü"} for n in range(MAX_BULK)])


def create_links_again(world: World) -> None:
    body = json.dumps({"links": long_links(MAX_BULK)}).encode()
    headers = {"Idempotency-Key": number(), "Content-Type": "application/json"}
    first, again = (world.ask("POST", "/api/v1/links/bulk", content=body, headers=headers) for _ in range(2))
    assert first.content == again.content


def create_link(world: World) -> None:
    world.post("/links", url=long_url(), title="ü" * MAX_TITLE)
    world.post("/links", url="https://ü.example/" + "ü" * 1300, expires_at="2999-01-01T00:00:00Z")
    world.flood("POST", "/links")


def change_link(world: World) -> None:
    body = {"url": long_url(), "title": "ü" * MAX_TITLE, "expires_at": "2999-01-01T00:00:00Z", "disabled": False}
    world.ask("PATCH", f"/api/v1/links/{LONG}", json=body)
    world.flood("PATCH", f"/links/{LONG}")


def delete_link(world: World) -> None:
    code = world.post("/links", url=long_url())["code"]
    world.ask("DELETE", f"/api/v1/links/{code}")


def figures(world: World) -> None:
    """By hours, and by days of which each is cut by the zone."""
    now = datetime.now(UTC)
    for interval, length in (("hour", timedelta(hours=MAX_BUCKETS - 2)), ("day", timedelta(days=MAX_BUCKETS - 2))):
        since = (now - length).isoformat()
        world.get(f"/links/{BUSY}/stats", **{"from": since, "interval": interval, "tz": FAR, "bots": "true"})
    world.get(f"/links/{BUSY}/stats", 422, **{"from": "1970-01-01", "to": "2999-01-01", "interval": "hour", "tz": FAR})


def clicks(world: World) -> None:
    world.get(f"/links/{BUSY}/clicks", limit=100)
    with world.client.stream("GET", f"/api/v1/links/{BUSY}/clicks", params={"format": "csv"}) as answer:
        assert sum(part.count(b"\n") for part in answer.iter_bytes()) > 10_000


def register(world: World) -> None:
    world.stranger.post("/api/v1/auth/register", json={"email": email(), "password": PASSWORD}).raise_for_status()
    # Passwords made of common ones, and of letters that are written as eighteen.
    for password in ("password1" * 113, "dragon" * 170, "\ufdfa" * 341):
        answer = world.stranger.post("/api/v1/auth/register", json={"email": email(), "password": password})
        assert answer.status_code in {201, 422}, answer.text
    world.flood("POST", "/auth/register")


def log_in(world: World) -> None:
    world.stranger.post("/api/v1/auth/token", data={"username": ADMIN, "password": PASSWORD}).raise_for_status()
    for body in ("&" * MAX_LOGIN_BODY_BYTES, "a=&" * (MAX_LOGIN_BODY_BYTES // 3), MANY_PARAMETERS):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = world.stranger.post("/api/v1/auth/token", content=body, headers=headers)
        assert answer.status_code in {400, 413, 422}, answer.text
    parts = "".join(f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n\r\n' for n in range(70))
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = world.stranger.post("/api/v1/auth/token", content=f"{parts}--x--\r\n", headers=headers)
    assert answer.status_code in {400, 422}, answer.text


class Login(NamedTuple):
    """Somebody new."""

    email: str
    headers: dict[str, str]
    refresh: str


def new_login(world: World) -> Login:
    who = email()
    world.stranger.post("/api/v1/auth/register", json={"email": who, "password": PASSWORD}).raise_for_status()
    answer = world.stranger.post("/api/v1/auth/token", data={"username": who, "password": PASSWORD}).raise_for_status()
    tokens = answer.json()
    return Login(who, {"Authorization": f"Bearer {tokens['access_token']}"}, tokens["refresh_token"])


def refresh(world: World) -> None:
    token = new_login(world).refresh
    world.stranger.post("/api/v1/auth/refresh", json={"refresh_token": token}).raise_for_status()
    world.flood("POST", "/auth/refresh")


def verify(world: World) -> None:
    """Each token that is not known costs a look into the database."""
    key = world.post("/keys", name="verifier", scopes=["tokens:verify"])["key"]
    headers = {"X-API-Key": key, "Authorization": "Basic x"}
    for token in ("x" * 8192, f"shr_{email()}"):
        world.ask("POST", "/api/v1/auth/verify", 200, json={"token": token}, headers=headers)


def log_out(world: World) -> None:
    world.stranger.post("/api/v1/auth/logout", headers=new_login(world).headers).raise_for_status()


def change_password(world: World) -> None:
    headers, other = new_login(world).headers, "a green whale cycles too"
    for new in ("password1" * 113, "\ufdfa" * 341, other):
        body = {"current_password": PASSWORD, "new_password": new}
        answer = world.stranger.post("/api/v1/me/password", json=body, headers=headers)
        assert answer.status_code in {204, 422, 403}, answer.text
    world.flood("POST", "/me/password")


def delete_me(world: World) -> None:
    """With as many links as one bulk request makes."""
    headers = new_login(world).headers
    links = [{"url": f"https://example.com/{n}"} for n in range(MAX_BULK)]
    world.stranger.post("/api/v1/links/bulk", json={"links": links}, headers=headers).raise_for_status()
    body = {"password": PASSWORD}
    world.stranger.post("/api/v1/me/delete", json=body, headers=headers).raise_for_status()
    world.flood("POST", "/me/delete")


def oidc_login(world: World) -> None:
    answer = world.stranger.get(f"/api/v1/auth/oidc/login?{PARAMETERS}")
    assert answer.status_code in {302, 404}, answer.text


def oidc_callback(world: World) -> None:
    """With a cookie, and parameters, as long as they can be."""
    headers = {"Cookie": "; ".join(f"{n}=x" for n in range(2_500))}
    query = urlencode({"state": "s" * 512, "iss": "i" * 512, "error": "e" * 512, "code": "c" * 4096})
    answer = world.stranger.get(f"/api/v1/auth/oidc/callback?{query}", headers=headers)
    assert answer.status_code in {400, 401, 403, 404}, answer.text
    begun = world.stranger.get("/api/v1/auth/oidc/login")
    if begun.status_code == 302:
        back = httpx.get(begun.headers["location"]).headers["location"]
        # Refused at the end: the address that the provider names has an account.
        assert world.stranger.get(back).status_code == 409


def create_workspace(world: World) -> None:
    made = world.post("/workspaces", name="ü" * 100)
    world.ask("DELETE", f"/api/v1/workspaces/{made['id']}")
    world.flood("POST", "/workspaces")


def rename_workspace(world: World) -> None:
    world.ask("PATCH", f"/api/v1/workspaces/{world.workspace}", json={"name": "1" + "ü" * 99})
    world.flood("PATCH", f"/workspaces/{world.workspace}")


def delete_workspace(world: World) -> None:
    made = world.post("/workspaces", name="ü" * 100)["id"]
    for _ in range(2):
        links = [{"url": f"https://example.com/{n}"} for n in range(MAX_BULK)]
        world.post("/links/bulk", links=links, workspace=made)
    world.ask("DELETE", f"/api/v1/workspaces/{made}")


def new_member(world: World) -> str:
    """The path of somebody who has come into the workspace."""
    login = new_login(world)
    invited = world.post("/invitations", email=login.email, workspace=world.workspace, role="editor")
    body = {"token": invited["token"]}
    world.stranger.post("/api/v1/invitations/accept", json=body, headers=login.headers).raise_for_status()
    place = f"/api/v1/workspaces/{world.workspace}/members"
    while True:
        page = world.ask("GET", place, params={"limit": 100}).json()
        for member in page["items"]:
            if member["email"] == login.email:
                return f"/api/v1/workspaces/{world.workspace}/members/{member['id']}"
        place = page["next"]


def set_role(world: World) -> None:
    path = new_member(world)
    world.ask("PATCH", path, json={"role": "viewer"})
    world.flood("PATCH", path.removeprefix("/api/v1"))
    world.ask("DELETE", path)


def invite(world: World) -> None:
    made = world.post("/invitations", email=email(), workspace=world.workspace, role="editor")
    world.ask("DELETE", f"/api/v1/invitations/{made['id']}")
    world.flood("POST", "/invitations")


def accept(world: World) -> None:
    world.ask("DELETE", new_member(world))
    world.flood("POST", "/invitations/accept")


def create_key(world: World) -> None:
    made = world.post("/keys", name="ü" * 100, scopes=["links:read", "links:write", "stats:read", "admin"])
    world.ask("DELETE", f"/api/v1/keys/{made['id']}")
    world.flood("POST", "/keys")


def report(world: World) -> None:
    body = {"short_url": f"http://nobody.example/{'a' * 2000}", "reason": "other", "comment": "ü " * 500}
    world.ask("POST", "/api/v1/reports", 422, json=body)
    world.post("/reports", code="long119", reason="other", comment="ü " * 500)
    world.flood("POST", "/reports")


def ban_host(world: World) -> None:
    """Each process then reads all bans."""
    made = world.post("/admin/bans", kind="host", value=f"{number()}.evil.example", reason="ü" * 500)
    world.ask("DELETE", f"/api/v1/admin/bans/{made['id']}")
    world.flood("POST", "/admin/bans")


def ban_user(world: World) -> None:
    """Who has as many links as one bulk request makes."""
    login = new_login(world)
    links = [{"url": f"https://example.com/{n}"} for n in range(MAX_BULK)]
    world.stranger.post("/api/v1/links/bulk", json={"links": links}, headers=login.headers).raise_for_status()
    made = world.post("/admin/bans", kind="user", value=login.email, reason="ü" * 500)
    world.ask("DELETE", f"/api/v1/admin/bans/{made['id']}")


def resolve(world: World) -> None:
    code = world.post("/links", url=long_url())["code"]
    world.post("/reports", code=code, reason="other", comment="ü " * 500)
    case = world.ask("GET", "/api/v1/admin/reports", params={"limit": 1}).json()["items"][0]["id"]
    world.post(f"/admin/reports/{case}/resolve", 204, 409, resolution="banned", reason="ü" * 500)
    world.flood("POST", f"/admin/reports/{case}/resolve")


def change_user(world: World) -> None:
    someone = world.ask("GET", "/api/v1/admin/users", params={"limit": 1, "q": "aaa"}).json()["items"][0]["id"]
    for disabled in (True, False):
        world.ask("PATCH", f"/api/v1/admin/users/{someone}", json={"disabled": disabled})
    world.flood("PATCH", f"/admin/users/{someone}")


def change_any_link(world: World) -> None:
    for disabled in (True, False):
        world.ask("PATCH", "/api/v1/admin/links/long118", json={"disabled": disabled})
    world.flood("PATCH", "/admin/links/long118")


def all_pages(path: str, **query: Any) -> Act:
    """The longest page there is, and the one behind it, whose cursor is read."""

    def act(world: World) -> None:
        answer = world.get(path.format(workspace=world.workspace), limit=100, **query)
        behind = answer.json().get("next")
        if behind:
            world.ask("GET", behind)

    return act


def links(world: World) -> None:
    for query in ({"sort": "title", "q": "ü"}, {"sort": "clicks", "q": "a" * 200}, {"q": "%_" * 100}):
        all_pages("/links", **query)(world)


def all_links(world: World) -> None:
    for query in ({"sort": "title", "q": "ü"}, {"q": "a" * 200}):
        all_pages("/admin/links", **query)(world)


def page(path: str, *statuses: int) -> Act:
    return lambda world: world.get(path.format(workspace=world.workspace), *statuses)


def plain(path: str, *statuses: int, method: str = "GET") -> Act:
    """With a query as long as it can be, and nothing else that could be large."""

    def act(world: World) -> None:
        world.ask(method, f"{path}?{PARAMETERS}", *(statuses or [200]))
        world.ask(method, f"{path}?{MANY_PARAMETERS}", *(statuses or [200]), 400)

    return act


COSTLY: dict[tuple[str, str], tuple[Act, ...]] = {
    ("post", "/api/v1/auth/register"): (register,),
    ("post", "/api/v1/auth/token"): (log_in,),
    ("post", "/api/v1/auth/refresh"): (refresh,),
    ("get", "/api/v1/auth/oidc/login"): (oidc_login,),
    ("get", "/api/v1/auth/oidc/callback"): (oidc_callback,),
    ("post", "/api/v1/auth/logout"): (log_out,),
    ("post", "/api/v1/auth/verify"): (verify,),
    ("get", "/api/v1/me"): (page("/me"),),
    ("post", "/api/v1/me/password"): (change_password,),
    ("post", "/api/v1/me/delete"): (delete_me,),
    ("post", "/api/v1/workspaces"): (create_workspace,),
    ("get", "/api/v1/workspaces"): (all_pages("/workspaces"),),
    ("get", "/api/v1/workspaces/{workspace_id}"): (page("/workspaces/{workspace}"),),
    ("patch", "/api/v1/workspaces/{workspace_id}"): (rename_workspace,),
    ("delete", "/api/v1/workspaces/{workspace_id}"): (delete_workspace,),
    ("get", "/api/v1/workspaces/{workspace_id}/members"): (all_pages("/workspaces/{workspace}/members"),),
    ("patch", "/api/v1/workspaces/{workspace_id}/members/{member_id}"): (set_role,),
    ("delete", "/api/v1/workspaces/{workspace_id}/members/{member_id}"): (accept,),
    ("post", "/api/v1/invitations"): (invite,),
    ("get", "/api/v1/invitations"): (all_pages("/invitations"),),
    ("delete", "/api/v1/invitations/{invitation_id}"): (invite,),
    ("post", "/api/v1/invitations/accept"): (accept,),
    ("post", "/api/v1/keys"): (create_key,),
    ("get", "/api/v1/keys"): (page("/keys"),),
    ("delete", "/api/v1/keys/{key_id}"): (create_key,),
    ("post", "/api/v1/links"): (create_link,),
    ("post", "/api/v1/links/bulk"): (create_links, create_links_again),
    ("get", "/api/v1/links"): (links,),
    ("get", "/api/v1/links/{code}"): (page(f"/links/{LONG}"),),
    ("patch", "/api/v1/links/{code}"): (change_link,),
    ("delete", "/api/v1/links/{code}"): (delete_link,),
    ("get", "/api/v1/links/{code}/stats"): (figures,),
    ("get", "/api/v1/links/{code}/clicks"): (clicks,),
    ("post", "/api/v1/reports"): (report,),
    ("post", "/api/v1/admin/bans"): (ban_host, ban_user),
    ("get", "/api/v1/admin/bans"): (all_pages("/admin/bans"),),
    ("get", "/api/v1/admin/bans/{ban_id}"): (page("/admin/bans/1"),),
    ("delete", "/api/v1/admin/bans/{ban_id}"): (ban_host, ban_user),
    ("get", "/api/v1/admin/reports"): (all_pages("/admin/reports"),),
    ("post", "/api/v1/admin/reports/{report_id}/resolve"): (resolve,),
    ("get", "/api/v1/admin/links"): (all_links,),
    ("get", "/api/v1/admin/links/{code}"): (page(f"/admin/links/{LONG}"),),
    ("patch", "/api/v1/admin/links/{code}"): (change_any_link,),
    ("get", "/api/v1/admin/users"): (all_pages("/admin/users", q="a"),),
    ("get", "/api/v1/admin/users/{user_id}"): (page("/admin/users/1"),),
    ("patch", "/api/v1/admin/users/{user_id}"): (change_user,),
    ("get", "/api/v1/admin/audit"): (all_pages("/admin/audit"),),
    ("get", "/health/live"): (plain("/health/live"),),
    ("get", "/health/ready"): (plain("/health/ready", 200, 503),),
    ("get", "/docs"): (plain("/docs"),),
    ("get", "/redoc"): (plain("/redoc"),),
    ("get", "/openapi.json"): (plain("/openapi.json"),),
    ("get", "/robots.txt"): (plain("/robots.txt"),),
    ("get", "/favicon.ico"): (plain("/favicon.ico"),),
    ("get", "/static/redoc.js"): (plain("/static/redoc.js"),),
    ("get", "/static"): (plain("/static/docs.js"),),
    ("get", "/static/vendor"): (plain("/static/vendor/swagger-ui-bundle.js"),),
    ("get", "/{code}"): (plain(f"/{LONG}", 302),),
    ("head", "/{code}"): (plain(f"/{LONG}", 302, method="HEAD"),),
    ("get", "/{code}+"): (plain(f"/{LONG}+"),),
}


async def make_world(url: str, database_url: str) -> World:
    """Fill a service that nobody has used: registration is open, and limits are off."""
    client, stranger = (httpx.Client(base_url=url, timeout=60) for _ in range(2))
    account = {"email": ADMIN, "password": PASSWORD}
    stranger.post("/api/v1/auth/register", json=account).raise_for_status()
    form = {"username": ADMIN, "password": PASSWORD}
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    await seed(
        connection,
        links=1,
        clicks=20_000,
        days=400,
        code=BUSY,
        code_length=7,
        force=True,
        tell=lambda _: None,
    )
    await connection.execute(_FILL)
    workspace = str(await connection.fetchval("SELECT id FROM workspaces WHERE name LIKE '1ü%'"))
    await connection.close()
    token = stranger.post("/api/v1/auth/token", data=form).raise_for_status().json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return World(client, stranger, workspace)
