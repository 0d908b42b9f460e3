"""A service with data that make requests expensive, and what is the same in many of them."""

import itertools
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

import asyncpg
import httpx

from shortener.http.body_limit import MAX_BODY_BYTES, MAX_PARAMETERS
from shortener.links.codes import Codes
from shortener.links.schemas import MAX_TITLE
from shortener.misses.batch import MAX_PATH
from shortener.operations.seed import seed
from shortener.screening.destinations import MAX_LENGTH

ADMIN, PASSWORD = "ada@example.com", "mauve giraffe cycles"


# The farthest zone whose days and hours begin with no day or hour of UTC.
FAR = "Pacific/Chatham"


BUSY, LONG = "busy", "long000"


HOST_BANS, CLIENT_BANS, MANY = 10_000, 2_000, 95


# The default of `misses_paths` and `misses_singles`.
MISSES_A_DAY = 1_000


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
    INSERT INTO notifications (user_id, kind, key, link_id, by_user_id, clicks)
        SELECT me.id, 'clicks', n, links.id, me.id, n FROM me, links, generate_series(1, 300) AS n
        WHERE code = 'long000';
    INSERT INTO miss_days SELECT current_date - d, 10000, 10000, 1000000, 0 FROM generate_series(0, 30) AS d;
    INSERT INTO miss_paths
        SELECT current_date - d, 'path', rpad('/' || d % 3 || '/' || n || '/', {MAX_PATH}, 'a'), n, 0, now()
        FROM generate_series(0, 30) AS d, generate_series(1, {MISSES_A_DAY}) AS n;
    INSERT INTO misses
        (day, draw, at, kind, path, country, referrer_host, referrer, browser, system, device, user_agent)
        SELECT current_date - d, random(), now() - d * interval '1 day', 'path', rpad('/', {MAX_PATH}, 'a'), 'DE',
            'a.example', rpad('https://a.example/', 1024, 'a'), 'Chrome', 'Windows', 'Desktop', rpad('', 512, 'a')
        FROM generate_series(0, 30) AS d, generate_series(1, {MISSES_A_DAY}) AS n;
    ANALYZE miss_paths, misses;
"""


class World(NamedTuple):
    """A running service and what there is to ask it for. `client` is an admin's, who is logged in, `stranger` nobody's;
    `workspace` has 200 members."""

    client: httpx.Client
    stranger: httpx.Client
    workspace: str

    def log_in(self) -> None:
        """A login holds for a quarter of an hour."""
        form = {"username": ADMIN, "password": PASSWORD}
        token = self.stranger.post("/api/v1/auth/token", data=form).raise_for_status().json()["access_token"]
        self.client.headers["Authorization"] = f"Bearer {token}"

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


def all_pages(path: str, **query: Any) -> Act:
    """The longest page there is, and the one behind it, whose cursor is read."""

    def act(world: World) -> None:
        answer = world.get(path.format(workspace=world.workspace), limit=100, **query)
        behind = answer.json().get("next")
        if behind:
            world.ask("GET", behind)

    return act


def page(path: str, *statuses: int) -> Act:
    return lambda world: world.get(path.format(workspace=world.workspace), *statuses)


def plain(path: str, *statuses: int, method: str = "GET") -> Act:
    """With a query as long as it can be, and nothing else that could be large."""

    def act(world: World) -> None:
        world.ask(method, f"{path}?{PARAMETERS}", *(statuses or [200]))
        world.ask(method, f"{path}?{MANY_PARAMETERS}", *(statuses or [200]), 400)

    return act


async def make_world(url: str, database_url: str) -> World:
    """Fill a service that nobody has used: registration is open, and limits are off."""
    client, stranger = (httpx.Client(base_url=url, timeout=60) for _ in range(2))
    account = {"email": ADMIN, "password": PASSWORD}
    stranger.post("/api/v1/auth/register", json=account).raise_for_status()
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    await seed(
        connection,
        links=1,
        clicks=20_000,
        days=400,
        code=BUSY,
        codes=Codes(7),
        force=True,
        tell=lambda _: None,
    )
    await connection.execute(_FILL)
    workspace = str(await connection.fetchval("SELECT id FROM workspaces WHERE name LIKE '1ü%'"))
    await connection.close()
    world = World(client, stranger, workspace)
    world.log_in()
    return world
