"""Settings that the first start fixes, because stored data depend on them."""

from datetime import datetime

from shortener.settings import Settings
from shortener.settings.source import SettingsError, variable
from shortener.stores.connecting import Connecting

# Each with the reason why it stays.
FIXED = {"code_case": "with another value, links that are stored would no longer be found, or mixed up"}

_FIX = "INSERT INTO fixed_settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_READ = "SELECT value, fixed_at FROM fixed_settings WHERE name = $1"


class SettingIsFixed(SettingsError):
    """A setting has another value than at the first start."""

    def __init__(self, name: str, value: str, fixed: str, since: datetime) -> None:
        self.detail = (
            f"{variable(name)} is {value}, but this database has {fixed} since {since:%Y-%m-%d}. "
            f"The first start fixes this setting: {FIXED[name]}."
        )
        self.advice = f"Set {variable(name)}={fixed}, or use an empty database."
        super().__init__(f"{self.detail} {self.advice}")


async def fix_settings(database: Connecting, settings: Settings) -> None:
    """At the first start, store the values. Later, compare them. Several processes may do it at the same time.
    Raises SettingIsFixed, and errors of the database."""
    async with database.driver_connection() as connection:
        for name in FIXED:
            await connection.execute(_FIX, name, str(getattr(settings, name)))
    await compare_settings(database, settings)


async def compare_settings(database: Connecting, settings: Settings) -> None:
    """Raises SettingIsFixed, and errors of the database."""
    async with database.driver_connection() as connection:
        for name in FIXED:
            value, row = str(getattr(settings, name)), await connection.fetchrow(_READ, name)
            if row is not None and row["value"] != value:
                raise SettingIsFixed(name, value, row["value"], row["fixed_at"])
