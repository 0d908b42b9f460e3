"""Every setting, one file per subject. Nothing else in the product reads the environment."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shortener.settings.accounts import AccountSettings
from shortener.settings.audit import AuditSettings
from shortener.settings.cache import CacheSettings
from shortener.settings.clicks import ClickSettings
from shortener.settings.command_line import CommandLineSettings
from shortener.settings.dashboard import DashboardSettings
from shortener.settings.domains import DomainSettings
from shortener.settings.limits import LimitSettings
from shortener.settings.links import LinkSettings
from shortener.settings.live import LiveSettings
from shortener.settings.logs import LogSettings
from shortener.settings.metrics import MetricsSettings
from shortener.settings.misses import MissSettings
from shortener.settings.notifications import NotificationSettings
from shortener.settings.screening import ScreeningSettings
from shortener.settings.server import ServerSettings
from shortener.settings.single_sign_on import SingleSignOnSettings
from shortener.settings.source import PREFIX, FileSource, SettingsError, variable
from shortener.settings.stores import StoreSettings


class Settings(
    CommandLineSettings,
    MetricsSettings,
    LogSettings,
    MissSettings,
    NotificationSettings,
    LiveSettings,
    ClickSettings,
    CacheSettings,
    LimitSettings,
    DomainSettings,
    LinkSettings,
    SingleSignOnSettings,
    ScreeningSettings,
    AuditSettings,
    AccountSettings,
    DashboardSettings,
    StoreSettings,
    ServerSettings,
    BaseSettings,
):
    """Environment variables are the names in capitals behind `SHORTENER_`; each may instead be given
    as a file, by `SHORTENER_<NAME>_FILE`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, FileSource(settings_cls)

    def require(self, *names: str) -> None:
        """Raise SettingsError unless each of these settings has a value."""
        for name in names:
            value = getattr(self, name)
            if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
                raise SettingsError(
                    f"{variable(name)} is not set. Set it (see .env.example), or start everything with: shortener up"
                )


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment. Raises SettingsError with one line per wrong setting."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [f"{variable(str(e['loc'][0]))}: {e['msg'].removeprefix('Value error, ')}." for e in error.errors()]
        raise SettingsError("\n".join(lines)) from None


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read once."""
    return load_settings()


def unknown_variables(environ: Iterable[str]) -> list[str]:
    """Variables that begin as ours do and that no setting has: most likely misspelt."""
    known = {variable(name) for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known}
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
