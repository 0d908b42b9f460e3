"""The name and network of a browser, for the list of logins."""

from typing import NamedTuple

from starlette.requests import Request

from shortener.clicks.agents import parse_agent
from shortener.http.client_address import coarse_network
from shortener.http.parts import PROXIES
from shortener.parts import parts_of


class Browser(NamedTuple):
    """`name` has its system as well; `network` is the one that it was in."""

    name: str
    network: str | None


def browser_of(request: Request) -> Browser:
    agent = parse_agent(request.headers.get("user-agent", ""))
    client = parts_of(request)[PROXIES].client_of(request.scope)
    return Browser(", ".join(part for part in (agent.browser, agent.system) if part), coarse_network(client))
