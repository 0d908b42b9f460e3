"""The app behind a real server, for clients that are programs of their own."""

import contextlib
import socket
from collections.abc import Iterator
from threading import Thread

import uvicorn

from shortener.main import create_app
from shortener.settings import Settings
from tests.conftest import changed


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The address of the app, which runs in a thread, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        app = create_app(changed(settings, port=port, base_url=url))
        server = uvicorn.Server(
            uvicorn.Config(app, proxy_headers=False, server_header=False, access_log=False, log_config=None)
        )
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()
