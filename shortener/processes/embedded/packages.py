"""The packages that carry the embedded servers: the extra `embedded`."""

from importlib.util import find_spec
from pathlib import Path

from shortener.processes.supervisor import StartFailed
from shortener.settings.source import variable


def folder_of(package: str, server: str, setting: str) -> Path:
    """The folder of the installed package. It is not imported: its Python code is not needed, and may warn. Raises
    StartFailed, which names the `setting` that replaces the embedded server."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise StartFailed(
            f"The embedded {server} is not installed. Install it with: pip install 'shortener[embedded]'. "
            f"Or set {variable(setting)} to your own server."
        )
    return Path(found.origin).parent
