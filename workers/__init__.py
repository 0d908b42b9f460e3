"""The arq worker. `arq workers.WorkerSettings` runs what `shortener worker` runs."""

from typing import Any


def __getattr__(name: str) -> Any:
    # Read only when asked for: the settings come from the environment, which importing must not need.
    if name == "WorkerSettings":
        import arq.worker

        from workers.main import ShortenerWorker, worker_settings

        # arq's command makes a `Worker`, and no setting tells it of another.
        arq.worker.Worker = ShortenerWorker  # type: ignore[misc]
        return worker_settings()
    raise AttributeError(name)
