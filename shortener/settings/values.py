"""Types of settings, and how their values are written. A ValueError gives the right form."""

import ipaddress
import re
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

import ada_url
from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from shortener.text import Trimmed, trim

_WINDOWS_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_WINDOW_NAMES = {window_s: name for name, window_s in _WINDOWS_S.items()}
_BYTES = {"kb": 10**3, "mb": 10**6, "gb": 10**9}

# Random secrets have more distinct characters, and do not contain these words: an unchanged example is public.
_MIN_DISTINCT = 8
_PLACEHOLDER = re.compile(r"change.?(?:me|this)|example|default|insecure|your.?(?:secret|key)|password", re.IGNORECASE)
_MIN_KEY_LENGTH = 32

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class Rate(NamedTuple):
    """At most `quota` requests in any window of `window_s` seconds that starts with the first of them."""

    quota: int
    window_s: int

    def __str__(self) -> str:
        """The form that `parse_rate` reads."""
        return f"{self.quota}/{_WINDOW_NAMES[self.window_s]}"


class ByteRate(Rate):
    """A rate of bytes instead of requests. The last request may go beyond the quota."""

    def __str__(self) -> str:
        """The form that `parse_byte_rate` reads, in whole megabytes."""
        return f"{self.quota // _BYTES['mb']}MB/{_WINDOW_NAMES[self.window_s]}"


def parse_rate(value: Any) -> Rate | None:
    """Read "100/minute" (second, minute, hour, day) or "off" (None)."""
    if value is None or isinstance(value, Rate):
        return value
    if str(value).strip().lower() == "off":
        return None
    match = re.fullmatch(r"\s*([1-9]\d{0,8})\s*/\s*(second|minute|hour|day)\s*", str(value), re.IGNORECASE)
    if match is None:
        raise ValueError('use a form such as "100/minute" (second, minute, hour, day), or "off"')
    return Rate(int(match[1]), _WINDOWS_S[match[2].lower()])


def parse_byte_rate(value: Any) -> ByteRate | None:
    """Read "20MB/minute" (kB, MB, GB; second, minute, hour, day) or "off" (None)."""
    if value is None or isinstance(value, ByteRate):
        return value
    if str(value).strip().lower() == "off":
        return None
    form = r"\s*([1-9][0-9]{0,5})\s*(kB|MB|GB)\s*/\s*(second|minute|hour|day)\s*"
    match = re.fullmatch(form, str(value), re.IGNORECASE)
    if match is None:
        raise ValueError('use a form such as "20MB/minute" (kB, MB, GB; second, minute, hour, day), or "off"')
    return ByteRate(int(match[1]) * _BYTES[match[2].lower()], _WINDOWS_S[match[3].lower()])


def _parse_networks(value: Any) -> Any:
    """Addresses and networks, separated by commas."""
    if not isinstance(value, str):
        return value
    return tuple(ipaddress.ip_network(trim(part)) for part in value.split(",") if trim(part))


def _parse_origins(value: Any) -> Any:
    """Origins as browsers write them, separated by commas, or "*"."""
    if not isinstance(value, str):
        return value
    origins = tuple(trim(part).rstrip("/") for part in value.split(",") if trim(part))
    for origin in origins:
        if origin != "*" and not (re.fullmatch(r"https?://[^/?#@*\s]+", origin) and ada_url.check_url(origin)):
            raise ValueError("use a form such as https://app.example.com, without a path, or *")
    return origins


def _parse_hosts(value: Any) -> Any:
    """Names or addresses without a port, separated by commas."""
    if not isinstance(value, str):
        return value
    hosts = tuple(trim(part).rstrip(".").lower() for part in value.split(",") if trim(part))
    for host in hosts:
        if not (re.fullmatch(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]", host) and ada_url.check_url(f"http://{host}")):
            raise ValueError("use a form such as links.example.com, without a scheme and a port")
    return hosts


def _parse_name_servers(value: Any) -> Any:
    """Addresses with an optional port, separated by commas."""
    if not isinstance(value, str):
        return value
    return tuple(_name_server(trim(part)) for part in value.split(",") if trim(part))


def _name_server(text: str) -> tuple[str, int]:
    match = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([0-9.]+))(?::([0-9]{1,5}))?", text, re.IGNORECASE)
    address = text if match is None else match[1] or match[2]
    try:
        return str(ipaddress.ip_address(address)), 53 if match is None or match[3] is None else int(match[3])
    except ValueError:
        raise ValueError("use addresses such as 10.0.0.2, 10.0.0.2:5353 or [2001:db8::1]:5353") from None


def _parse_base_url(value: str) -> str:
    value = value.rstrip("/")
    if value and not (re.fullmatch(r"https?://[^/?#@\s]+", value) and ada_url.check_url(value)):
        raise ValueError("use a form such as https://sho.rt, without a path")
    return value


def _parse_postgres_url(value: str) -> str:
    """With the driver in it."""
    if value and not (re.match(r"(postgres|postgresql|postgresql\+asyncpg)://", value) and _is_readable(value)):
        raise ValueError("use a form such as postgresql://user:password@host:5432/name")
    return re.sub(r"^(postgres|postgresql)://", "postgresql+asyncpg://", value)


def _parse_redis_url(value: str) -> str:
    value = re.sub(r"^valkey(s?)://", r"redis\1://", value)
    if value and not (re.match(r"(rediss?|unix)://", value) and _has_readable_port(value)):
        raise ValueError("use a form such as redis://host:6379/0, rediss://… or unix:///path/to/socket")
    return value


def _is_readable(database_url: str) -> bool:
    """Whether SQLAlchemy will take the URL. It is imported only where there is one to read."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        make_url(database_url)
    except (ValueError, ArgumentError):
        return False
    return True


def _has_readable_port(url: str) -> bool:
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return True


def _check_secret_key(value: SecretStr) -> SecretStr:
    key = value.get_secret_value()
    if key and (len(key) < _MIN_KEY_LENGTH or len(set(key)) < _MIN_DISTINCT or _PLACEHOLDER.search(key)):
        raise ValueError("use at least 32 random characters, for example from: openssl rand -base64 32")
    return value


def split_keys(keys: SecretStr) -> list[str]:
    """One a line."""
    return [key.strip() for key in keys.get_secret_value().splitlines() if key.strip()]


def _check_old_secret_keys(value: SecretStr) -> SecretStr:
    if any(len(key) < _MIN_KEY_LENGTH for key in split_keys(value)):
        raise ValueError("each has at least 32 characters, and a line of its own")
    return value


def is_loopback(host: str) -> bool:
    """Whether only this machine can be meant."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_issuer(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    except ValueError:
        is_safe = False
    if value and not (is_safe and parts.hostname and "@" not in value and not parts.query and not parts.fragment):
        raise ValueError("use the provider's issuer exactly, such as https://id.example.com")
    return value


def _check_oidc_scopes(value: str) -> str:
    if "openid" not in value.split():
        raise ValueError('it needs "openid", as in: openid email')
    return value


RateLimit = Annotated[Rate | None, NoDecode, BeforeValidator(parse_rate)]
ByteRateLimit = Annotated[ByteRate | None, NoDecode, BeforeValidator(parse_byte_rate)]
Networks = Annotated[tuple[IPNetwork, ...], NoDecode, BeforeValidator(_parse_networks)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parse_origins)]
Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parse_hosts)]
NameServers = Annotated[tuple[tuple[str, int], ...], NoDecode, BeforeValidator(_parse_name_servers)]
BaseUrl = Annotated[str, AfterValidator(_parse_base_url), Trimmed]
PostgresUrl = Annotated[str, AfterValidator(_parse_postgres_url), Trimmed]
RedisUrl = Annotated[str, AfterValidator(_parse_redis_url), Trimmed]
SecretKey = Annotated[SecretStr, AfterValidator(_check_secret_key)]
OldSecretKeys = Annotated[SecretStr, AfterValidator(_check_old_secret_keys)]
Issuer = Annotated[str, AfterValidator(_check_issuer), Trimmed]
OidcScopes = Annotated[str, AfterValidator(_check_oidc_scopes)]
