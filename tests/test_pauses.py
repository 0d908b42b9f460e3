"""No request holds the event loop for long: redirects of the same process wait meanwhile."""

import gc
from typing import Any

import pytest
import uvicorn
from fastapi.routing import iter_route_contexts

from shortener.processes import web
from tests.accounts.oidc.conftest import idp  # noqa: F401  (a fixture)
from tests.accounts.oidc.provider import CLIENT_ID, CLIENT_SECRET, OidcProvider
from tests.conftest import changed, eventually
from tests.load.costly import COSTLY, Act, World, make_world
from tests.load.loop_watch import LoopWatch
from tests.serving import serving

MOST_MS = 25
# What is slow by itself is so each time; a full garbage collection, say, is not.
TRIES = 4


def test_each_route_has_its_most_expensive_request(app):
    served = {
        (method.lower(), route.path)
        for route in iter_route_contexts(app.routes)
        for method in (route.methods or {"GET"}) - {"HEAD"}
    }
    redirects = {("get", "/{code}"), ("head", "/{code}"), ("get", "/{code}+")}
    assert COSTLY.keys() == served | redirects


def pause_ms(watch: LoopWatch, act: Act, world: World) -> float:
    """The longest pause of the event loop in processor time, in the best of some tries."""
    shortest = float("inf")
    for _ in range(TRIES):
        watch.take_ms()
        act(world)
        shortest = min(shortest, watch.take_ms())
        if shortest < MOST_MS:
            break
    return shortest


async def test_what_a_process_loads_as_it_serves_is_left_out_of_collections_of_garbage(monkeypatch):
    frozen: list[int] = []

    async def startup(self: uvicorn.Server, sockets: Any) -> None:
        assert frozen == []

    monkeypatch.setattr(uvicorn.Server, "startup", startup)
    monkeypatch.setattr(web, "SETTLING_S", (0.01, 0.02))
    monkeypatch.setattr(web.gc, "freeze", lambda: frozen.append(gc.get_freeze_count()))
    await web._Server(uvicorn.Config(lambda: None)).startup()
    await eventually(lambda: len(frozen) == 3)


@pytest.mark.timeout(600)
async def test_no_request_that_a_route_allows_holds_the_event_loop(settings, idp: OidcProvider):  # noqa: F811
    settings = changed(
        settings,
        registration="open",
        anonymous_links=False,
        anonymous_manage=False,
        oidc_issuer=idp.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_registration=True,
    )
    watch = LoopWatch()
    with serving(settings, watch) as url:
        world = await make_world(url, settings.database_url)
        # A process that serves makes the document before, and its collections leave out what is loaded.
        world.get_document()
        gc.collect()
        gc.freeze()
        found = [(pause_ms(watch, act, world), route) for route, acts in COSTLY.items() for act in acts]
        gc.unfreeze()
    print(*sorted(found, reverse=True), sep="\n")
    assert [(ms, route) for ms, route in found if ms >= MOST_MS] == []
