"""Settings for commands on the same machine as a running `shortener up`. Every command imports this module, so it
imports the settings only when they are asked for: `shortener --help` needs none."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shortener.settings import Settings


def local_settings() -> "Settings":
    """Settings, completed with those that a `shortener up` on the same data folder has stored. Logs only warnings and
    errors: commands print their results themselves."""
    from shortener.observability.logging import configure_logging
    from shortener.processes.embedded.data_directory import DataDirectory
    from shortener.settings import get_settings, load_settings
    from shortener.settings.source import SettingsError

    settings = get_settings()
    if settings.server:
        raise SettingsError(
            "This command works on the database of this machine, not through a server. Unset SHORTENER_SERVER for it."
        )
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
    for name in {"base_url", "code_case"} - settings.model_fields_set:
        overrides[name] = getattr(run, name)
    return load_settings(**overrides)
