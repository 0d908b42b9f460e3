"""The packages that carry the embedded servers: the extra `embedded`."""

from importlib.util import find_spec
from pathlib import Path

from shortener.processes.supervisor import StartFailed
from shortener.settings.source import variable


def folder_of(package: str, server: str, setting: str) -> Path:
    """Where the package is installed. It is not imported: its own Python code is not needed, and may warn. Raises
    StartFailed, which names the `setting` that makes the embedded server needless."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise StartFailed(
            f"The embedded {server} is not installed. Install it with: pip install 'shortener[embedded]'. "
            f"Or set {variable(setting)} to a server of your own."
        )
    return Path(found.origin).parent
