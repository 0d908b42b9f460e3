"""The arq worker. `arq workers.WorkerSettings` runs it as `shortener worker` does."""

from typing import Any


def __getattr__(name: str) -> Any:
    # Read only when asked for: the settings come from the environment, which importing must not need.
    if name == "WorkerSettings":
        from workers.main import worker_settings

        return worker_settings()
    raise AttributeError(name)
