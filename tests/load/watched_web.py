"""A `shortener web` whose event loop is watched: for each line on its standard input it prints the longest pause since
the line before, in milliseconds."""

import sys
import threading
from typing import Any

import uvicorn

from shortener.processes.listening import bind
from shortener.processes.web import serve
from shortener.settings import get_settings
from tests.load.loop_watch import LoopWatch


def main() -> None:
    watch = LoopWatch()
    startup = uvicorn.Server.startup

    async def watched_startup(self: uvicorn.Server, sockets: Any = None) -> None:
        await startup(self, sockets)
        watch.start()

    uvicorn.Server.startup = watched_startup  # type: ignore[method-assign]

    def tell() -> None:
        for _ in sys.stdin:
            print(watch.take_ms(), flush=True)

    threading.Thread(target=tell, daemon=True).start()
    settings = get_settings()
    serve(settings, bind(settings))


if __name__ == "__main__":
    main()
