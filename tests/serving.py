"""The app behind a real server, for clients that are programs of their own."""

import contextlib
import socket
from collections.abc import Iterator
from threading import Thread
from typing import Any

import uvicorn

from shortener.http.parts import STOPPING
from shortener.main import create_app
from shortener.settings import Settings
from tests.conftest import changed
from tests.load.loop_watch import LoopWatch

# How long a client waits for an answer, on a machine that does other things.
PATIENCE_S = 60


class _WatchedServer(uvicorn.Server):
    """Begins to watch its event loop when it serves."""

    watch: LoopWatch | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.watch is not None:
            self.watch.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams end at once, as they do in the product."""
        app: Any = self.config.loaded_app
        app.state.parts[STOPPING].set()
        await super().shutdown(sockets)


@contextlib.contextmanager
def serving(settings: Settings, watch: LoopWatch | None = None, base_url: str = "") -> Iterator[str]:
    """The address of the app, which runs in a thread, on a free port; `watch` gets its event loop. People may know
    another address of it, `base_url`, in which `{port}` is that port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        app = create_app(changed(settings, port=port, base_url=base_url.format(port=port) or url))
        server = _WatchedServer(
            uvicorn.Config(app, proxy_headers=False, server_header=False, access_log=False, log_config=None)
        )
        server.watch = watch
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()
