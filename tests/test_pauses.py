"""No request holds the event loop for long: redirects of the same process wait meanwhile."""

import gc
import time

import pytest
from fastapi.routing import iter_route_contexts

from tests.accounts.oidc.conftest import idp  # noqa: F401  (a fixture)
from tests.accounts.oidc.provider import CLIENT_ID, CLIENT_SECRET, OidcProvider
from tests.conftest import changed
from tests.load.costly.pages import COSTLY_PAGES
from tests.load.costly.routes import COSTLY
from tests.load.costly.world import Act, World, make_world
from tests.load.loop_watch import LoopWatch
from tests.serving import serving

# On a processor that does the work of `yardstick_ms` in `YARDSTICK_MS`; a slower one gets more time in proportion.
REQUESTS = COSTLY | COSTLY_PAGES
MOST_MS = 25
YARDSTICK_MS = 6
# A slow request is slow each time; a full garbage collection, for example, is not.
TRIES = 8


def test_each_route_has_its_most_expensive_request(app):
    served = {
        (method.lower(), route.path)
        for route in iter_route_contexts(app.routes)
        for method in (route.methods or {"GET"}) - {"HEAD"}
    }
    redirects = {("get", "/{code}"), ("head", "/{code}"), ("post", "/{code}"), ("get", "/{code}+")}
    assert REQUESTS.keys() == served | redirects


def yardstick_ms() -> float:
    """The processor time of a fixed piece of work."""
    start_s = time.thread_time()
    total = 0
    for number in range(100_000):
        total += number
    return 1000 * (time.thread_time() - start_s)


def pause_ms(watch: LoopWatch, act: Act, world: World) -> float:
    """The longest pause of the event loop in processor time of a processor like the yardstick's, in the best of some
    tries."""
    shortest = float("inf")
    for _ in range(TRIES):
        before_ms = yardstick_ms()
        watch.take_ms()
        act(world)
        slowness = max(1.0, before_ms / YARDSTICK_MS, yardstick_ms() / YARDSTICK_MS)
        shortest = min(shortest, watch.take_ms() / slowness)
        if shortest < MOST_MS:
            break
        settle()
    return shortest


def settle() -> None:
    """As `processes.garbage` does in web processes: collections leave out what is loaded by now."""
    gc.collect()
    gc.freeze()


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_no_request_that_a_route_allows_holds_the_event_loop(settings, idp: OidcProvider):  # noqa: F811
    settings = changed(
        settings,
        registration="open",
        anonymous_links=False,
        anonymous_manage=False,
        limit_api_bytes="off",
        limit_account_bytes="off",
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
        settle()
        found = []
        for route, acts in REQUESTS.items():
            # On a slow machine all of them take longer than a login holds.
            world.log_in()
            found += [(pause_ms(watch, act, world), route) for act in acts]
        gc.unfreeze()
    print(*sorted(found, reverse=True), sep="\n")
    assert [(ms, route) for ms, route in found if ms >= MOST_MS] == []
