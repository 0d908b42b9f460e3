"""The most expensive request that each page of the dashboard allows."""

import uuid
from functools import cache
from typing import Any

import httpx

from tests.load.costly.links import many_rules, many_tags
from tests.load.costly.world import ADMIN, BUSY, FAR, LONG, PASSWORD, Act, World, email, long_url, number

LISTED = 100
# Percent-encoded, a rule takes about 1.5 KB.
ROOM = 30


@cache
def browser(base_url: str) -> httpx.Client:
    """A browser in which the admin is logged in."""
    headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html", "Accept-Language": "de"}
    client = httpx.Client(base_url=base_url, headers=headers, timeout=60)
    entered = client.post("/-/login", data={"email": ADMIN, "password": PASSWORD})
    assert entered.status_code == 303, entered.text[:500]
    return client


def ask(world: World, method: str, path: str, *statuses: int, **options: Any) -> httpx.Response:
    answer = browser(str(world.client.base_url)).request(method, path, **options)
    assert answer.status_code in (statuses or (200,)), (method, path, answer.status_code, answer.text[:500])
    return answer


def page(path: str, *statuses: int) -> Act:
    return lambda world: ask(world, "GET", path, *statuses)


def made(world: World, **fields: Any) -> str:
    code: str = world.post("/links", url=long_url(), **fields)["code"]
    return code


def rules_form() -> list[tuple[str, str]]:
    """As many rules as a form has room for, each with a list of values."""
    fields = []
    for n, rule in enumerate(many_rules()[:ROOM]):
        fields += [("rule", str(n)), (f"rule_{n}_name", rule["name"]), (f"rule_{n}_url", rule["url"])]
        values = ", ".join(rule["if"][0]["values"])
        fields += [(f"rule_{n}_if", "network"), (f"rule_{n}_value", values)]
    return fields


def whole_form() -> dict[str, Any]:
    fields: dict[str, Any] = {"url": long_url(), "is_whole": "1", "tags": ", ".join(many_tags())}
    for name, value in rules_form():
        fields.setdefault(name, []).append(value)
    return fields


def lists(world: World) -> None:
    ask(world, "GET", f"/-/links?limit={LISTED}")
    ask(world, "GET", "/-/links?q=" + "+".join(f"x{n}:y" for n in range(60)))


def start(world: World) -> None:
    for _ in range(10):
        made(world, title="ü" * 300, tags=many_tags())
    ask(world, "GET", "/-/")


def make(world: World) -> None:
    ask(world, "POST", "/-/links", 303, data={"url": long_url()})
    ask(world, "POST", "/-/links", 200, 422, data={"url": "x" * 60_000})


def make_whole(world: World) -> None:
    ask(world, "POST", "/-/new", 200, 303, 422, data=whole_form())


def edit(world: World) -> None:
    code = made(world, rules=many_rules())
    ask(world, "GET", f"/-/links/{code}/edit")
    ask(world, "POST", f"/-/links/{code}/edit", 200, 303, 422, data=whole_form())


def verbs(world: World) -> None:
    code = made(world)
    for verb in ("disable", "enable", "delete", "restore"):
        ask(world, "POST", f"/-/links/{code}/{verb}", 303, data={"back": "/-/links"})


def many(world: World) -> None:
    links = [{"url": long_url()} for _ in range(900)]
    codes = [result["link"]["code"] for result in world.post("/links/bulk", links=links)["results"]]
    for verb in ("disable", "delete"):
        ask(world, "POST", f"/-/bulk/{verb}", 303, data={"code": codes, "back": "/-/links"})


def import_list(world: World) -> None:
    text = "\n".join(
        ["url,code,title,tags", *(f'{long_url()[:1500]},,{"ü" * 200},"{",".join(many_tags())}"' for _ in range(1000))]
    )
    form = {"text": (None, text.encode()[:2_000_000]), "key": (None, number().zfill(22)[:22])}
    ask(world, "POST", "/-/import", 200, 422, files=form)
    ask(world, "POST", "/-/import/make", 303, 422, files=form)
    for path in ("", "/links.csv", "/failed.csv"):
        ask(world, "GET", f"/-/import/{form['key'][1]}{path}", 200, 404)


def figures(world: World) -> None:
    others = "".join(f"&with=long00{n}" for n in range(4))
    lines = f"from=2026-05-20&to=2026-11-25&value=referrers:google.com{others}"
    for query in ("span=12m", f"span=12m&compare=year&tz={FAR}", "from=2020-01-01&to=2026-12-31", lines):
        ask(world, "GET", f"/-/links/{BUSY}?{query}")


def report(world: World) -> None:
    data = {"link": made(world), "reason": "other", "comment": "ü" * 1000}
    ask(world, "POST", "/-/report", 303, data=data)


def values(world: World) -> None:
    for dimension in ("countries", "referrers", "hours_of_week"):
        for path in ("", "/file.csv"):
            ask(world, "GET", f"/-/links/{BUSY}/values/{dimension}{path}?span=12m&compare=year&bots=1")


def tags(world: World) -> None:
    world.post("/links/bulk", links=[{"url": long_url(), "tags": many_tags()} for _ in range(5)])
    ask(world, "GET", "/-/tags?sort=links&q=ü")
    ask(world, "GET", "/-/tags/names")
    tag, other = many_tags()[:2]
    made(world, tags=[tag, other])
    ask(world, "GET", f"/-/tags/{tag}?span=12m&compare=1")
    ask(world, "GET", f"/-/tags/{tag}/series.csv?span=12m")
    for path in ("", "/file.csv"):
        ask(world, "GET", f"/-/tags/{tag}/values/countries{path}?span=12m&compare=1")
    ask(world, "GET", f"/-/tags/{tag}/edit")
    ask(world, "POST", f"/-/tags/{tag}/edit", 303, data={"name": tag, "description": "ü" * 300})
    ask(world, "POST", f"/-/tags/{tag}/merge", 303, data={"into": other})
    ask(world, "POST", f"/-/tags/{other}/delete", 303)


def domains(world: World) -> None:
    host = f"{number()}.{'a' * 60}.example"
    ask(world, "POST", "/-/domains", 303, data={"host": host})
    ask(world, "GET", "/-/domains")
    for path in ("", "/series.csv", "/values/countries", "/values/countries/file.csv"):
        ask(world, "GET", f"/-/domains/{host}{path}", 404)
    ask(world, "GET", f"/-/domains/{host}/settings")
    ask(world, "POST", f"/-/domains/{host}/settings", 303, data={"root_url": long_url()})
    ask(world, "POST", f"/-/domains/{host}/verify", 422)
    ask(world, "POST", f"/-/domains/{host}/remove", 303)


def register(world: World) -> None:
    data = {"email": email(), "password": "a green whale cycles"}
    with httpx.Client(base_url=world.client.base_url, headers={"Sec-Fetch-Site": "same-origin"}, timeout=60) as client:
        assert client.get("/-/register").status_code == 200
        assert client.post("/-/register", data=data).status_code in (200, 303)
        assert client.get("/-/login").status_code == 200
        assert client.post("/-/login", data=data).status_code == 303
        assert client.post("/-/logout").status_code == 303


def keys(world: World) -> None:
    fields = {"name": "ü" * 100, "scope": ["links:read", "links:write", "stats:read"], "days": "90"}
    answer = ask(world, "POST", "/-/keys", 200, 422, data=fields)
    ask(world, "GET", "/-/keys")
    path = answer.text.partition('action="/-/keys/')[2].partition('"')[0]
    ask(world, "POST", f"/-/keys/{path}", 303)


def comments(world: World) -> None:
    path = f"/-/links/{made(world)}/comments"
    longest = {"text": "@ü " * 660}
    for _ in range(20):
        ask(world, "POST", path, 303, data=longest)
    listed = ask(world, "GET", path).text
    newest = listed.partition('id="c-')[2].partition('"')[0]
    ask(world, "POST", f"{path}/read", 303, data={"until": newest})
    ask(world, "POST", f"{path}/{newest}/edit", 303, data=longest)
    ask(world, "POST", f"{path}/{newest}/delete", 303)


def notifications(world: World) -> None:
    ids = [str(uuid.uuid4()) for _ in range(LISTED)]
    ask(world, "POST", "/-/notifications/read", 303, data={"id": ids})
    ask(world, "POST", "/-/notifications/settings", 303, data={"clicks": "on"})


def account(world: World) -> None:
    """Of somebody new, who logs in several times, changes the password, and leaves."""
    who, new = email(), "a green whale cycles too"
    with httpx.Client(base_url=world.client.base_url, headers={"Sec-Fetch-Site": "same-origin"}, timeout=60) as client:

        def send(path: str, **data: Any) -> httpx.Response:
            answer = client.post(path, data=data)
            assert answer.status_code in (200, 303), (path, answer.status_code, answer.text[:500])
            return answer

        send("/-/register", email=who, password=PASSWORD)
        for _ in range(3):
            send("/-/login", email=who, password=PASSWORD)
        send("/-/account/sessions/end")
        send("/-/login", email=who, password=PASSWORD)
        other = client.get("/-/account").text.rpartition('action="/-/account/sessions/')[2].partition('"')[0]
        send(f"/-/account/sessions/{other}")
        send("/-/account/password", current_password=PASSWORD, new_password=new)
        send("/-/account/delete", email=who, password=new)


def workspace(world: World) -> None:
    """A new one, all that its owner does there, and its end."""
    path = ask(world, "POST", "/-/workspaces", 303, data={"name": "Marketing"}).headers["location"]
    ask(world, "GET", path)
    for _ in range(5):
        fields = {"email": email(), "role": "viewer"}
        invited = ask(world, "POST", f"{path}/invitations", 200, 422, data=fields).text
    revoke = invited.partition(f'action="{path}/invitations/')[2].partition('"')[0]
    ask(world, "POST", f"{path}/invitations/{revoke}", 303)
    me = invited.partition(f'action="{path}/members/')[2].partition("/")[0]
    ask(world, "POST", f"{path}/members/{me}/role", 303, data={"role": "owner"})
    ask(world, "POST", f"{path}/members/{me}/remove", 409)
    ask(world, "POST", f"{path}/rename", 303, data={"name": "ü" * 100})
    ask(world, "POST", f"{path}/delete", 422, data={"sure": "x" * 60_000})
    ask(world, "POST", f"{path}/delete", 303, data={"sure": "ü" * 100})


def join(world: World) -> None:
    ask(world, "GET", "/-/join")
    ask(world, "POST", "/-/join", 422, data={"invitation": "x" * 60_000})
    fields = {"invitation": "x" * 200, "email": email(), "password": PASSWORD}
    for verb in ("login", "register"):
        ask(world, "POST", f"/-/join/{verb}", 422, data=fields)


def ban(world: World) -> None:
    fields = {"kind": "host", "value": "example.org", "reason": "x" * 500}
    ask(world, "POST", "/-/admin/bans", 200, data=fields)
    made = ask(world, "POST", "/-/admin/bans", 303, 409, 422, data=fields | {"sure": "example.org"})
    page = ask(world, "GET", made.headers.get("location", "/-/admin/bans")).text
    lift = page.partition('action="/-/admin/bans/')[2].partition('"')[0]
    ask(world, "POST", f"/-/admin/bans/{lift}", 303)


def watch_links(world: World) -> None:
    code = made(world)
    for verb in ("disable", "enable"):
        ask(world, "POST", f"/-/admin/links/{code}/{verb}", 303)


def system(world: World) -> None:
    ask(world, "GET", "/-/admin/system")
    ask(world, "POST", "/-/admin/system/replay", 303)


def static(world: World) -> None:
    sheet = ask(world, "GET", "/-/help").text.partition("/-/static/")[2].partition('"')[0]
    ask(world, "GET", f"/-/static/{sheet}")


def public_figures(world: World) -> None:
    world.ask("PATCH", f"/api/v1/links/{BUSY}", json={"public_stats": True})
    ask(world, "GET", f"/{BUSY}/stats?span=all")


COSTLY_PAGES: dict[tuple[str, str], tuple[Act, ...]] = {
    ("get", "/"): (page("/", 302, 303),),
    ("get", "/-/"): (start,),
    ("post", "/-/links"): (make,),
    ("get", "/-/new"): (page(f"/-/new?url={'x' * 4000}"),),
    ("post", "/-/new"): (make_whole,),
    ("get", "/-/links/{code}/comments"): (comments,),
    ("post", "/-/links/{code}/comments"): (comments,),
    ("post", "/-/links/{code}/comments/read"): (comments,),
    ("post", "/-/links/{code}/comments/{comment_id}/edit"): (comments,),
    ("post", "/-/links/{code}/comments/{comment_id}/delete"): (comments,),
    ("get", "/-/links/{code}/edit"): (edit,),
    ("post", "/-/links/{code}/edit"): (edit,),
    ("get", "/-/links"): (lists,),
    ("post", "/-/links/{code}/{verb}"): (verbs,),
    ("post", "/-/bulk/{verb}"): (many,),
    ("get", "/-/import"): (page("/-/import"),),
    ("post", "/-/import"): (import_list,),
    ("post", "/-/import/make"): (import_list,),
    ("get", "/-/import/{key}"): (import_list,),
    ("get", "/-/import/{key}/links.csv"): (import_list,),
    ("get", "/-/import/{key}/failed.csv"): (import_list,),
    ("get", "/-/export"): (page("/-/export?format=jsonl"),),
    ("get", "/-/links/{code}/qr"): (page(f"/-/links/{LONG}/qr"),),
    ("get", "/-/links/{code}/qr.{kind}"): (page(f"/-/links/{LONG}/qr.png?size=2000"),),
    ("get", "/-/links/{code}"): (figures,),
    ("get", "/{code}/stats"): (public_figures,),
    ("get", "/-/links/{code}/clicks"): (page(f"/-/links/{BUSY}/clicks?hour_of_week=mon+03&bot=false"),),
    ("get", "/-/links/{code}/clicks.csv"): (page(f"/-/links/{BUSY}/clicks.csv?from=2026-01-01"),),
    ("get", "/-/links/{code}/series.csv"): (page(f"/-/links/{BUSY}/series.csv?from=2026-08-20&to=2026-12-01"),),
    ("get", "/-/links/{code}/values/{dimension}"): (values,),
    ("get", "/-/links/{code}/values/{dimension}/file.csv"): (values,),
    ("get", "/-/palette"): (page(f"/-/palette?q={'ü' * 100}"),),
    ("get", "/-/report"): (page(f"/-/report?url={'x' * 2000}"),),
    ("post", "/-/report"): (report,),
    ("get", "/-/tags"): (tags,),
    ("get", "/-/tags/{tag}/series.csv"): (tags,),
    ("get", "/-/tags/{tag}/values/{dimension}"): (tags,),
    ("get", "/-/tags/{tag}/values/{dimension}/file.csv"): (tags,),
    ("get", "/-/tags/names"): (tags,),
    ("get", "/-/tags/{tag}"): (tags,),
    ("get", "/-/tags/{tag}/edit"): (tags,),
    ("post", "/-/tags/{tag}/edit"): (tags,),
    ("post", "/-/tags/{tag}/merge"): (tags,),
    ("post", "/-/tags/{tag}/delete"): (tags,),
    ("get", "/-/domains"): (domains,),
    ("post", "/-/domains"): (domains,),
    ("get", "/-/domains/{host}"): (domains,),
    ("get", "/-/domains/{host}/series.csv"): (domains,),
    ("get", "/-/domains/{host}/values/{dimension}"): (domains,),
    ("get", "/-/domains/{host}/values/{dimension}/file.csv"): (domains,),
    ("get", "/-/domains/{host}/settings"): (domains,),
    ("post", "/-/domains/{host}/settings"): (domains,),
    ("post", "/-/domains/{host}/verify"): (domains,),
    ("post", "/-/domains/{host}/remove"): (domains,),
    ("get", "/-/help"): (page("/-/help"),),
    ("get", "/-/preferences"): (page("/-/preferences", 303),),
    ("post", "/-/preferences"): (lambda world: ask(world, "POST", "/-/preferences", 303, data={"back": "x" * 10_000}),),
    ("get", "/-/code"): (page(f"/-/code?code={'x' * 200}"),),
    ("get", "/-/switch"): (page("/-/switch", 200, 303),),
    ("get", "/-/login"): (register,),
    ("get", "/-/register"): (register,),
    ("post", "/-/login"): (register,),
    ("post", "/-/register"): (register,),
    ("post", "/-/logout"): (register,),
    ("get", "/-/account"): (account,),
    ("post", "/-/account/password"): (account,),
    ("post", "/-/account/sessions/end"): (account,),
    ("post", "/-/account/sessions/{session_id}/end"): (account,),
    ("post", "/-/account/delete"): (account,),
    ("get", "/-/keys"): (keys,),
    ("post", "/-/keys"): (keys,),
    ("post", "/-/keys/{key_id}/revoke"): (keys,),
    ("get", "/-/live"): (page("/-/live?channel=me&follow=false"),),
    ("get", "/-/notifications"): (page("/-/notifications?unread=1"),),
    ("post", "/-/notifications/read"): (notifications,),
    ("post", "/-/notifications/settings"): (notifications,),
    ("get", "/-/workspaces"): (page("/-/workspaces"),),
    ("post", "/-/workspaces"): (workspace,),
    ("get", "/-/workspaces/{workspace_id}"): (workspace,),
    ("post", "/-/workspaces/{workspace_id}/rename"): (workspace,),
    ("post", "/-/workspaces/{workspace_id}/delete"): (workspace,),
    ("post", "/-/workspaces/{workspace_id}/invitations"): (workspace,),
    ("post", "/-/workspaces/{workspace_id}/invitations/{invitation_id}/revoke"): (workspace,),
    ("post", "/-/workspaces/{workspace_id}/members/{member_id}/role"): (workspace,),
    ("post", "/-/workspaces/{workspace_id}/members/{member_id}/remove"): (workspace,),
    ("get", "/-/join"): (join,),
    ("post", "/-/join"): (join,),
    ("post", "/-/join/login"): (join,),
    ("post", "/-/join/register"): (join,),
    ("get", "/-/admin/reports"): (page("/-/admin/reports"),),
    ("post", "/-/admin/reports/{report_id}/resolve"): (
        lambda world: ask(world, "POST", "/-/admin/reports/404/resolve", 404, data={"resolution": "dismissed"}),
    ),
    ("get", "/-/admin/bans"): (page("/-/admin/bans"),),
    ("post", "/-/admin/bans"): (ban,),
    ("post", "/-/admin/bans/{ban_id}/lift"): (ban,),
    ("get", "/-/admin/links"): (page(f"/-/admin/links?q={'x' * 390}"), page("/-/admin/links")),
    ("post", "/-/admin/links/{code}/{verb}"): (watch_links,),
    ("get", "/-/admin/users"): (page("/-/admin/users"),),
    ("post", "/-/admin/users/{user_id}/{verb}"): (
        lambda world: ask(world, "POST", "/-/admin/users/404404/disable", 404),
    ),
    ("get", "/-/admin/audit"): (page("/-/admin/audit"),),
    ("get", "/-/admin/audit.csv"): (page("/-/admin/audit.csv"),),
    ("get", "/-/admin/system"): (system,),
    ("post", "/-/admin/system/replay"): (system,),
    ("get", "/-/login/sso"): (page(f"/-/login/sso?next=/-/{'x' * 4000}", 302),),
    ("get", "/-/static/{digest}/{name:path}"): (static,),
    ("get", "/-/{path:path}"): (page(f"/-/{number()}", 404),),
}
