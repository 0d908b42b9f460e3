"""The most expensive requests about accounts, workspaces and administration."""

from typing import NamedTuple
from urllib.parse import urlencode

import httpx

from shortener.accounts.api import MAX_LOGIN_BODY_BYTES
from shortener.links.schemas import MAX_BULK
from tests.load.costly.world import (
    ADMIN,
    FAR,
    MANY_PARAMETERS,
    PARAMETERS,
    PASSWORD,
    World,
    all_pages,
    email,
    long_url,
    number,
)


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
    made = world.post("/keys", name="verifier", scopes=["tokens:verify"])
    headers = {"X-API-Key": made["key"], "Authorization": "Basic x"}
    for token in ("x" * 8192, f"shr_{email()}"):
        world.ask("POST", "/api/v1/auth/verify", 200, json={"token": token}, headers=headers)
    world.ask("DELETE", f"/api/v1/keys/{made['id']}")


def log_out(world: World) -> None:
    world.stranger.post("/api/v1/auth/logout", headers=new_login(world).headers).raise_for_status()


def change_password(world: World) -> None:
    headers, other = new_login(world).headers, "a green whale cycles too"
    for new in ("password1" * 113, "\ufdfa" * 341, other):
        body = {"current_password": PASSWORD, "new_password": new}
        answer = world.stranger.post("/api/v1/me/password", json=body, headers=headers)
        assert answer.status_code in {204, 422, 403, 429}, answer.text
    world.flood("POST", "/me/password")


def end_sessions(world: World) -> None:
    """Of a user with several logins."""
    login = new_login(world)
    for _ in range(5):
        world.stranger.post("/api/v1/auth/token", data={"username": login.email, "password": PASSWORD})
    items = world.stranger.get("/api/v1/me/sessions", headers=login.headers).raise_for_status().json()["items"]
    other = next(item["id"] for item in items if not item["current"])
    world.stranger.delete(f"/api/v1/me/sessions/{other}", headers=login.headers).raise_for_status()
    world.stranger.delete("/api/v1/me/sessions", headers=login.headers).raise_for_status()


def prefer(world: World) -> None:
    world.ask("PATCH", "/api/v1/me/preferences", 200, json={"time_zone": FAR, "rows": 100, "theme": "dark"})


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
    for step in ("preview", "accept"):
        world.stranger.post(f"/api/v1/invitations/{step}", json=body, headers=login.headers).raise_for_status()
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


def notifications(world: World) -> None:
    all_pages("/me/notifications", unread="true")(world)
    for path, body in (("", {"read": True}), ("/settings", {"clicks": True})):
        world.ask("PATCH", f"/api/v1/me/notifications{path}", json=body)
        world.flood("PATCH", f"/me/notifications{path}")
    world.get("/me/notifications/settings")


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
    """A user with as many links as one bulk request creates."""
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


def all_links(world: World) -> None:
    for query in ({"sort": "title", "q": "ü"}, {"q": "a" * 200}):
        all_pages("/admin/links", **query)(world)


def audit_file(world: World) -> None:
    world.get("/admin/audit", format="csv")
