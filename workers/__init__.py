"""The arq worker. `arq workers.WorkerSettings` runs what `shortener worker` runs."""

from typing import Any


def __getattr__(name: str) -> Any:
    # Created only on access, because importing must not need the settings.
    if name == "WorkerSettings":
        import arq.worker

        from workers.main import ShortenerWorker, worker_settings

        # arq's command always creates a `Worker`, and has no setting for another class.
        arq.worker.Worker = ShortenerWorker  # type: ignore[misc]
        return worker_settings()
    raise AttributeError(name)
