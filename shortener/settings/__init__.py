"""Every setting, by subject. Nothing else in the product reads the environment."""

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shortener.settings.values import (
    BaseUrl,
    ByteRate,
    ByteRateLimit,
    Issuer,
    Networks,
    OidcScopes,
    OldSecretKeys,
    Origins,
    PostgresUrl,
    Rate,
    RateLimit,
    RedisUrl,
    SecretKey,
    split_keys,
)

PREFIX = "SHORTENER_"


class SettingsError(Exception):
    """A setting is missing or wrong; the message names it and says what to do."""


class _FileSource(PydanticBaseSettingsSource):
    """Reads a setting from the file named by SHORTENER_<SETTING>_FILE, as container secrets are given."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        name = f"{variable(field_name)}_FILE"
        path = os.environ.get(name)
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text().strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SettingsError(f"{name}: cannot read {path}: {reason}.") from error

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """Environment variables are the names in capitals behind `SHORTENER_`; each may instead be given
    as a file, by `SHORTENER_<NAME>_FILE`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    # Where it listens
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    web_processes: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, 4),
        ge=1,
        le=64,
        description="Number of web processes. Default: one per core, at most 4.",
    )
    base_url: BaseUrl = Field(
        "",
        description="Public address that short URLs start with, such as `https://sho.rt`. "
        "Default: `http://` host and port.",
    )
    trusted_proxies: Networks = Field(
        (),
        description="Addresses or networks, separated by commas, whose `X-Forwarded-For` is believed.",
    )
    hsts: Literal["off", "host", "subdomains"] = Field(
        "host",
        description="Whether browsers are told to come by TLS only, for a year: to this `host`, or to its `subdomains` "
        "too; or `off`. Only where the public address is https.",
    )
    cors_origins: Origins = Field(
        (),
        description="Origins, separated by commas, whose pages may use the API from a browser, or an asterisk: all. "
        "Default: none.",
    )

    # Where it stores
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
        50, ge=1, le=10_000, description="How long a redirect waits for Redis before it goes on without."
    )
    secret_key: SecretKey = Field(
        SecretStr(""),
        description="At least 32 characters; the same for web and worker. Seals clicks on their way "
        "to the database. Default: made at the first `shortener up` and kept in the data folder.",
    )
    old_secret_keys: OldSecretKeys = Field(
        SecretStr(""),
        description="Former secret keys, one a line: access tokens that they have signed are still taken. "
        "Remove them a quarter of an hour after the change.",
    )

    # Accounts
    registration: Literal["open", "invite", "closed"] = Field(
        "closed",
        description="Who can make an account: anybody (`open`), who is invited (`invite`), or nobody (`closed`). "
        "Default under `shortener up` on loopback: open.",
    )
    password_list: Path | None = Field(
        None,
        description="File of passwords that nobody may choose, one a line, whatever the case; beside those that are "
        "refused anyway. Default: none.",
    )
    anonymous_links: bool = Field(
        False,
        description="Whether links can be created without login or API key. "
        "Default under `shortener up` on loopback: true.",
    )
    anonymous_manage: bool = Field(
        False,
        description="Whether, with `SHORTENER_ANONYMOUS_LINKS`, links without owner are everybody's to list, read, "
        "change and delete, with their figures. Default under `shortener up` on loopback: true.",
    )

    # The table refuses to delete what is younger than a month.
    audit_days: int = Field(365, ge=30, le=3650, description="Days that an entry of the audit log is kept.")
    anonymous_link_days: int = Field(
        30,
        ge=0,
        le=36500,
        description="Days that links made without login or API key live at most, or 0: for ever. "
        "Default under `shortener up` on loopback: 0.",
    )

    # Abuse
    block_list: Path | None = Field(
        None,
        description="File of hosts that no link may lead to, one a line, `#` before comments; subdomains are "
        "included. Read again when it changes. Default: none.",
    )
    look_alikes: Literal["warn", "refuse", "allow"] = Field(
        "warn",
        description="What becomes of links to hosts in Punycode that are made without login or API key: they `warn` of "
        "the host before they lead there, the service will `refuse` to make them, or `allow` them as any others. "
        "Default under `shortener up` on loopback: allow.",
    )
    web_risk_key: SecretStr = Field(
        SecretStr(""),
        description="Key of Google Web Risk's Lookup API, which then is told the destinations of new links. "
        "Default: none.",
    )
    urlhaus_key: SecretStr = Field(
        SecretStr(""),
        description="Key of URLhaus (abuse.ch), which then is told the destinations of new links. Default: none.",
    )

    # Single sign-on
    oidc_issuer: Issuer = Field(
        "", description="Address of an OpenID Connect provider, such as `https://id.example.com`. Default: none."
    )
    oidc_client_id: str = Field("", validate_default=True, description="This service's name at the provider.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Its secret there; a public client has none.")
    oidc_scopes: OidcScopes = Field("openid email", description="What the provider is asked for, separated by spaces.")
    oidc_name: str = Field("The identity provider", description="What people know the provider by.")
    oidc_registration: bool = Field(
        False,
        description="Whether who logs in there for the first time gets an account, also where registration is closed.",
    )
    oidc_link_by_email: bool = Field(
        False,
        description="Whether a verified address links to the account that has it: its password, logins and keys end.",
    )

    # Codes
    code_length: int = Field(7, ge=3, le=32, description="Length of generated codes; grows when the space fills.")

    # Limits, per client: an IPv4 address or an IPv6 /64
    limit_api: RateLimit = Field(
        Rate(100, 60), description="API requests per client without login or API key, or `off`."
    )
    limit_account: RateLimit = Field(Rate(1000, 60), description="API requests per user, and per API key, or `off`.")
    limit_api_bytes: ByteRateLimit = Field(
        ByteRate(10_000_000, 60),
        description="Bytes of bulk requests (kB, MB, GB) per client without login or API key, or `off`.",
    )
    limit_account_bytes: ByteRateLimit = Field(
        ByteRate(100_000_000, 60),
        description="Bytes of bulk requests (kB, MB, GB) per user, and per API key, or `off`.",
    )
    limit_login: RateLimit = Field(
        Rate(10, 60),
        description="Logins, registrations, refreshes and checks of a password: per client, and per account, or `off`.",
    )
    limit_redirect: RateLimit = Field(Rate(1000, 60), description="Redirects per client, or `off`.")
    limit_miss: RateLimit = Field(
        Rate(60, 60),
        description="Unknown codes per client, or `off`. "
        "At most a sixth of them from requests that pages embed, such as pictures.",
    )

    # Cache
    cache_ttl_s: int = Field(3600, ge=1, description="Seconds a link stays in Redis.")
    cache_missing_ttl_s: int = Field(30, ge=1, description="Seconds that an unknown code is remembered.")
    cache_memory_size: int = Field(
        16_000, ge=1, description="Links each process keeps in memory, and a quarter as many codes that do not exist."
    )

    # Clicks
    click_ack: Literal["stream", "memory"] = Field(
        "stream",
        description="When a redirect is answered: once its click is in the `stream`, or at once, with the click in "
        "`memory`. See docs/reliability.md for what `memory` can lose.",
    )
    click_buffer_size: int = Field(
        100_000, ge=1, description="Clicks each process holds while neither Redis nor the database answers."
    )

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="`debug` to `error`.")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`json`, `console`, or `auto`: console on a terminal."
    )
    access_log: bool = Field(False, description="Log each request.")

    # Metrics
    metrics_host: str = Field("127.0.0.1", description="Address on which Prometheus finds `/metrics`.")
    metrics_port: int = Field(0, ge=0, le=65535, description="Port on which Prometheus finds `/metrics`, or 0: none.")

    @field_validator("oidc_client_id")
    @classmethod
    def _belongs_to_issuer(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("oidc_issuer") and not value:
            raise ValueError("the provider knows this service by it; or leave SHORTENER_OIDC_ISSUER away")
        return value

    @model_validator(mode="after")
    def _default_base_url(self) -> Self:
        if not self.base_url:
            host = {"0.0.0.0": "localhost", "::": "localhost"}.get(self.host, self.host)  # noqa: S104
            host = f"[{host}]" if ":" in host else host
            object.__setattr__(self, "base_url", f"http://{host}:{self.port}")
        return self

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
        return init_settings, env_settings, _FileSource(settings_cls)

    @property
    def every_secret_key(self) -> list[str]:
        """Today's, and the former ones behind it."""
        return [self.secret_key.get_secret_value(), *split_keys(self.old_secret_keys)]

    @property
    def anonymous_may_manage(self) -> bool:
        return self.anonymous_links and self.anonymous_manage

    def require(self, *names: str) -> None:
        """Raise SettingsError unless each of these settings has a value."""
        for name in names:
            value = getattr(self, name)
            if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
                raise SettingsError(
                    f"{variable(name)} is not set. Set it (see .env.example), or start everything with: shortener up"
                )


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{name}".upper()


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
