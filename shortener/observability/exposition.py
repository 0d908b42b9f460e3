"""Exposes metrics to Prometheus on a separate port, served by the process that the operator has started.

A supervisor's children keep their values in memory-mapped files, so that counts survive a kill. An ended process's
counters are added to shared totals; its gauges are dropped.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Metric, start_http_server
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from shortener.errors import OperatorError
from shortener.observability.metrics import REGISTRY
from shortener.settings import Settings
from shortener.settings.source import variable

log = structlog.get_logger(__name__)

# A folder in memory, if there is one: touching a mapped file on a full disk kills a process.
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
_PREFIX = "shortener-metrics-"
_ENDED = "ended"


class MetricsPortInUse(OperatorError):
    """The message says what to do."""


class MetricsFiles(Collector):
    """The values of a supervisor's children, one file per process and kind of metric.

    What `buffered` says of a process that was killed is added to `lost`.
    """

    def __init__(self, folder: Path, buffered: Gauge, lost: Counter) -> None:
        self._folder = folder
        self._buffered, self._lost = buffered, lost
        self._collector = MultiProcessCollector(None, str(folder))
        # Prometheus reads in a thread, and must see an ended process's values exactly once.
        self._lock = Lock()

    def env(self) -> dict[str, str]:
        """Environment of the children: they count into the files, and serve no metrics themselves."""
        return {"PROMETHEUS_MULTIPROC_DIR": str(self._folder), variable("metrics_port"): "0"}

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            # A file that is just being created is empty, and cannot be read.
            files = [str(file) for file in self._folder.glob("*.db") if file.stat().st_size]
            return iter(list(self._collector.merge(files)))

    def bury(self, pid: int) -> None:
        """Add the counters of an ended process to the shared totals, and drop its gauges."""
        try:
            with self._lock:
                self._lose_buffer(pid)
                for kind in ("counter", "histogram"):
                    self._move(kind, pid)
                for file in self._folder.glob(f"gauge_*_{pid}.db"):
                    file.unlink()
        except Exception as error:  # An error here must not prevent the restart of the process.
            log.error("metrics_not_kept", pid=pid, exc_info=error)

    def _lose_buffer(self, pid: int) -> None:
        """Count the clicks that waited in the memory of a process that was killed."""
        file = self._folder / f"gauge_livesum_{pid}.db"
        if not file.exists():
            return
        [buffer], [lost] = self._buffered.collect(), self._lost.collect()
        clicks = _read(file).get(mmap_key(buffer.name, buffer.name, [], [], buffer.documentation))
        if clicks:
            key = mmap_key(lost.name, f"{lost.name}_total", ["reason"], ["process_killed"], lost.documentation)
            self._add("counter", {key: clicks})

    def _move(self, kind: str, pid: int) -> None:
        file = self._folder / f"{kind}_{pid}.db"
        if file.exists():
            self._add(kind, _read(file))
            file.unlink()

    def _add(self, kind: str, values: Mapping[str, float]) -> None:
        sums = MmapedDict(str(self._folder / f"{kind}_{_ENDED}.db"))
        try:
            for key, value in values.items():
                sums.write_value(key, sums.read_value(key)[0] + value, 0.0)
        finally:
            sums.close()


def _read(file: Path) -> dict[str, float]:
    if not file.stat().st_size:
        return {}
    return {key: value for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file))}


@contextlib.contextmanager
def serving_own_metrics(settings: Settings) -> Iterator[None]:
    """Serve this process's metrics, unless that is off. Raises MetricsPortInUse."""
    with _serving(settings, REGISTRY):
        yield


@contextlib.contextmanager
def serving_metrics_of_children(settings: Settings, buffered: Gauge, lost: Counter) -> Iterator[MetricsFiles | None]:
    """Serve the metrics of children that are started with the files' `env`; None if that is off.

    Raises MetricsPortInUse, OSError.
    """
    if not settings.metrics_port:
        yield None
        return
    with _folder() as folder:
        files = MetricsFiles(folder, buffered, lost)
        registry = CollectorRegistry()
        registry.register(files)
        with _serving(settings, registry):
            yield files


@contextlib.contextmanager
def _serving(settings: Settings, registry: CollectorRegistry) -> Iterator[None]:
    if not settings.metrics_port:
        yield
        return
    try:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host, registry)
    except OSError as error:
        raise MetricsPortInUse(
            f"Cannot listen on {settings.metrics_host}:{settings.metrics_port}: {error.strerror}. "
            "Set SHORTENER_METRICS_HOST or SHORTENER_METRICS_PORT, or stop what listens there."
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder for this process's lifetime. Removes folders that killed supervisors left behind."""
    parent = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    for stale in parent.glob(f"{_PREFIX}*"):
        if not _runs(stale.name.removeprefix(_PREFIX).partition("-")[0]):
            shutil.rmtree(stale, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _runs(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError):
        return True
    return True
