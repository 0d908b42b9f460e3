"""Where the product stores, and the keys that protect it."""

from pathlib import Path

from pydantic import Field, SecretStr

from shortener.settings.source import Section
from shortener.settings.values import (
    OldSecretKeys,
    PostgresUrl,
    RedisUrl,
    SecretKey,
    split_keys,
)


class StoreSettings(Section):
    """Stores and keys"""

    data_dir: Path = Field(Path(".data"), description="Folder of the embedded servers under `shortener up`.")
    database_url: PostgresUrl = Field(
        "", description="PostgreSQL, `postgresql://user:password@host:port/name`. Default: the embedded one."
    )
    database_replica_url: PostgresUrl = Field(
        "", description="Read replica of the database for lists and figures. Default: none."
    )
    database_pool_size: int = Field(5, ge=1, le=100, description="Database connections per process.")
    redis_url: RedisUrl = Field(
        "", description="Redis or Valkey, `redis://host:port/0`, `rediss://` or `unix://`. Default: the embedded one."
    )
    redis_timeout_ms: int = Field(
        50, ge=1, le=10_000, description="Milliseconds that a redirect waits for Redis before it continues without it."
    )
    secret_key: SecretKey = Field(
        SecretStr(""),
        description=(
            "At least 32 characters, the same for web and worker. Seals clicks on their way to the "
            "database. Default: made at the first `shortener up` and kept in the data folder."
        ),
    )
    old_secret_keys: OldSecretKeys = Field(
        SecretStr(""),
        description=(
            "Former secret keys, one per line. Access tokens that they signed are still accepted. Remove "
            "them a quarter of an hour after the change."
        ),
    )

    @property
    def every_secret_key(self) -> list[str]:
        """Today's, and the former ones behind it."""
        return [self.secret_key.get_secret_value(), *split_keys(self.old_secret_keys)]
