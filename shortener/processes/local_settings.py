"""What commands on the same machine know of a running `shortener up`."""

import logging
from pathlib import Path

from shortener.observability.logging import configure_logging
from shortener.processes.embedded.data_directory import DataDirectory
from shortener.settings import Settings, get_settings, load_settings


def local_settings() -> Settings:
    """Settings, completed by what a `shortener up` on the same data folder has written down. Logs what goes wrong only:
    what goes well a command prints itself."""
    settings = get_settings()
    configure_logging(settings, at_least=logging.WARNING)
    data = DataDirectory(Path(settings.data_dir))
    run = data.read_run_file()
    if run is None:
        return settings
    overrides: dict[str, str] = {}
    if not settings.database_url:
        overrides["database_url"] = run.database_url
    if not settings.redis_url:
        overrides["redis_url"] = run.redis_url
    if not settings.secret_key.get_secret_value():
        overrides["secret_key"] = data.secret_key()
    if "base_url" not in settings.model_fields_set:
        overrides["base_url"] = run.base_url
    return load_settings(**overrides)
