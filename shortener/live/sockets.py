"""The WebSocket of /api/v1/live: the same messages, and channels that come and go."""

import asyncio
import contextlib
from typing import Any, Literal

import msgspec
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from shortener.access.credentials import AuthenticationRequired, InsufficientScope, read_credential, refuse_in_query
from shortener.access.memberships import Caller
from shortener.access.parts import AUTHENTICATION
from shortener.access.principals import Principal
from shortener.access.scopes import Scope
from shortener.errors import ShortenerError
from shortener.http.parts import PROXIES
from shortener.http.problems import problem_of
from shortener.limits.identity import identify
from shortener.limits.parts import RATE_LIMITS
from shortener.live.channels import Channel, InvalidChannel, read_channels
from shortener.live.hub import Hub
from shortener.live.joining import join, read_place
from shortener.live.listener import Listener
from shortener.live.parts import DOORS, HUB, ORIGINS, TICKETS
from shortener.parts import Parts, parts_of
from shortener.screening.parts import BAN_LIST

log = structlog.get_logger(__name__)

PROTOCOL = "shortener.live"
TICKET_PREFIX = "ticket."
_FAILED = 1011
# Between two messages of a client.
PAUSE_S = 0.1
# Why a connection ends, by the reason in its last message; others are a plain end.
CLOSE_CODES = {"revoked": 4401, "expired": 4401, "forbidden": 4403, "banned": 4403, "slow": 4408, "stopping": 1012}


class _Said(msgspec.Struct, forbid_unknown_fields=True):
    """The only messages of clients."""

    type: Literal["subscribe", "unsubscribe"]
    channels: list[str]


_read_said = msgspec.json.Decoder(_Said).decode


async def live_socket(socket: WebSocket) -> None:
    """Refuses with a problem document before the handshake ends."""
    parts = parts_of(socket)
    with contextlib.ExitStack() as stack:
        try:
            listener = await _enter(socket, parts, stack)
        except ShortenerError as error:
            await socket.send_denial_response(problem_of(error))
            return
        hub = parts[HUB]
        stack.callback(hub.remove, listener)
        await socket.accept(PROTOCOL if PROTOCOL in socket.scope["subprotocols"] else None)
        await _talk(socket, hub, listener)


async def _enter(socket: WebSocket, parts: Parts, stack: contextlib.ExitStack) -> Listener:
    parts[ORIGINS].check(socket.headers.get("origin"))
    client = parts[PROXIES].client_of(socket.scope)
    parts[BAN_LIST].check_client(client)
    principal = await _principal(socket, parts)
    if principal is not None:
        identify(socket.scope, principal.identity)
    limits = parts[RATE_LIMITS]
    await limits.charge(socket.scope, limits.identity_of(socket.scope))
    if principal is None and not parts.settings.anonymous_may_manage:
        raise AuthenticationRequired
    if principal is not None and Scope.LINKS_READ not in principal.scopes:
        raise InsufficientScope(Scope.LINKS_READ)
    caller = Caller(None if principal is None else principal.user_id, parts.settings.anonymous_may_manage)
    channels = read_channels(socket.query_params.getlist("channel"), caller.user_id)
    after = read_place(socket.query_params.get("after"))
    stack.enter_context(parts[DOORS].entered(caller.user_id))
    return await join(parts[HUB], principal, caller, client, channels, after)


async def _principal(socket: WebSocket, parts: Parts) -> Principal | None:
    """Of the ticket among the subprotocols, or else of the header."""
    refuse_in_query(socket.scope)
    for offered in socket.scope["subprotocols"]:
        if offered.startswith(TICKET_PREFIX):
            means = await parts[TICKETS].take(offered.removeprefix(TICKET_PREFIX))
            return await parts[AUTHENTICATION].of_means(*means)
    credential = read_credential(socket.scope)
    if credential is None:
        return None
    return await parts[AUTHENTICATION].authenticate(credential, parts[RATE_LIMITS].client_of(socket.scope))


async def _talk(socket: WebSocket, hub: Hub, listener: Listener) -> None:
    sending = asyncio.create_task(_send(socket, hub, listener))
    hearing = asyncio.create_task(_hear(socket, hub, listener))
    try:
        await asyncio.wait((sending, hearing), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, hearing):
            task.cancel()
        ends = await asyncio.gather(sending, hearing, return_exceptions=True)
    for error in ends:
        if isinstance(error, Exception):
            log.warning("live_socket_failed", error=repr(error))
            await socket.close(_FAILED)


async def _send(socket: WebSocket, hub: Hub, listener: Listener) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while (messages := await listener.take()) is not None:
            if listener.left_s <= 0:
                hub.close(listener, "expired")
            for message in messages or [hub.message("heartbeat", {})]:
                await socket.send_text(message.json.decode())
        reason = listener.closed_for or ""
        await socket.close(CLOSE_CODES.get(reason, 1000), reason)


async def _hear(socket: WebSocket, hub: Hub, listener: Listener) -> None:
    """Listen to the client, until it goes. During a pause nothing is read, and its messages wait on its side."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await _obey(hub, listener, await socket.receive_text())
            await asyncio.sleep(PAUSE_S)


async def _obey(hub: Hub, listener: Listener, text: str) -> None:
    """Subscribe or unsubscribe, and say what became of it."""
    try:
        said = _read_said(text)
        channels = read_channels(said.channels, listener.caller.user_id, listener.channels)
    except (msgspec.MsgspecError, InvalidChannel) as error:
        _answer(hub, listener, "refused", {"reason": str(error)})
        return
    refused: list[Channel] = []
    if said.type == "subscribe":
        refused = await hub.subscribe(listener, channels)
    else:
        hub.unsubscribe(listener, channels)
    done = sorted(channel.name for channel in channels if channel not in refused)
    if done:
        _answer(hub, listener, f"{said.type}d", {"channels": done})
    if refused:
        names = sorted(channel.name for channel in refused)
        _answer(hub, listener, "refused", {"reason": "channel-not-found", "channels": names})


def _answer(hub: Hub, listener: Listener, type_: str, data: dict[str, Any]) -> None:
    hub.send([listener], hub.message(type_, data))
