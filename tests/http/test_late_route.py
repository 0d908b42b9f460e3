"""Routes are built when they are first used, and are then those of FastAPI."""

import subprocess
import sys

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from shortener.http.late_route import LateRoute

BUILT = """
from shortener.http.late_route import LateRoute
from shortener.main import API_ROUTERS, PAGES
from shortener.settings import Settings

routes = [route for router in (*API_ROUTERS, *PAGES) for route in router.routes if isinstance(route, LateRoute)]
print(len(routes), *(route.path for route in routes if "app" in vars(route)))
"""


async def _greet(name: str, loudness: int = 1) -> dict[str, str]:
    """A greeting."""
    return {"greeting": f"Hello {name}" + "!" * loudness}


def test_a_process_that_starts_has_built_no_route() -> None:
    printed = subprocess.run([sys.executable, "-c", BUILT], capture_output=True, text=True, check=True).stdout.split()
    assert int(printed[0]) > 200
    assert printed[1:] == []


@pytest.mark.parametrize("options", [{}, {"methods": ["POST"], "name": "hello", "status_code": 201}], ids=["", "named"])
def test_a_route_that_is_built_late_is_the_same_as_one_that_is_built_at_once(options: dict[str, object]) -> None:
    late, early = LateRoute("/hello/{name}", _greet, **options), APIRoute("/hello/{name}", _greet, **options)  # type: ignore[arg-type]
    before = {name: value for name, value in vars(late).items() if name != "_options"}
    assert before
    assert {name: getattr(early, name) for name in before} == before
    assert late.unique_id == early.unique_id
    assert late.description == "A greeting."
    assert vars(late).keys() == vars(early).keys()
    with pytest.raises(AttributeError, match="LateRoute has no attribute 'nonsense'"):
        _ = late.nonsense


async def test_a_route_is_built_by_its_first_request_and_not_by_others() -> None:
    app = FastAPI()
    app.router.routes += [LateRoute("/hello/{name}", _greet), LateRoute("/hello/{name}/again", _greet)]
    routes = app.router.routes[-2:]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        assert (await client.post("/hello/you")).status_code == 405
        assert [vars(route).keys() & {"app"} for route in routes] == [set(), set()]
        assert (await client.get("/hello/you?loudness=2")).json() == {"greeting": "Hello you!!"}
        assert (await client.get("/hello/you?loudness=x")).status_code == 422
        assert [vars(route).keys() & {"app"} for route in routes] == [{"app"}, set()]
    assert set(app.openapi()["paths"]) == {"/hello/{name}", "/hello/{name}/again"}
