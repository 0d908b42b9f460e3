"""Settings: read once, checked at the start, and wrong ones told in one line."""

import ipaddress
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener.main import create_app
from shortener.settings import Settings, load_settings, unknown_variables
from shortener.settings.source import SettingsError, variable
from shortener.settings.values import ByteRate, Rate, parse_rate
from tests.conftest import SECRET


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """No variable of the service is set."""
    for name in [name for name in os.environ if name.startswith("SHORTENER_")]:
        monkeypatch.delenv(name)
    return monkeypatch


def refusal(**values) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings(**values)
    return str(refused.value)


def test_everything_has_a_default():
    settings = load_settings()
    assert (settings.host, settings.port, settings.base_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert 1 <= settings.web_processes <= 4


def test_every_setting_is_described():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_settings_come_from_variables_with_our_prefix(environment):
    environment.setenv("SHORTENER_PORT", "9000")
    environment.setenv("shortener_host", "0.0.0.0")
    environment.setenv("PORT", "1")
    settings = load_settings()
    assert (settings.port, settings.host, settings.base_url) == (9000, "0.0.0.0", "http://localhost:9000")


def test_an_empty_variable_is_one_that_is_not_set(environment):
    environment.setenv("SHORTENER_PORT", "")
    environment.setenv("SHORTENER_LIMIT_API", "")
    environment.setenv("SHORTENER_TRUSTED_PROXIES", "")
    settings = load_settings()
    assert (settings.port, settings.limit_api, settings.trusted_proxies) == (8000, Rate(100, 60), ())


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("100/minute", Rate(100, 60)),
        ("1/second", Rate(1, 1)),
        (" 5 / Hour ", Rate(5, 3600)),
        ("999999999/day", Rate(999_999_999, 86400)),
        ("off", None),
        (" OFF ", None),
    ],
)
def test_a_rate_is_a_number_a_slash_and_a_window_or_off(environment, text, rate):
    environment.setenv("SHORTENER_LIMIT_MISS", text)
    assert load_settings().limit_miss == rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("20MB/minute", ByteRate(20_000_000, 60)),
        (" 1 kb / Second ", ByteRate(1000, 1)),
        ("999999GB/day", ByteRate(999_999 * 10**9, 86400)),
        ("OFF", None),
    ],
)
def test_a_rate_of_bytes_names_its_unit(environment, text, rate):
    environment.setenv("SHORTENER_LIMIT_API_BYTES", text)
    assert load_settings().limit_api_bytes == rate


@pytest.mark.parametrize("text", ["20/minute", "20000000/minute", "0MB/minute", "1.5MB/minute", "20MiB/minute", "20MB"])
def test_any_other_rate_of_bytes_is_refused_with_an_example(environment, text):
    environment.setenv("SHORTENER_LIMIT_ACCOUNT_BYTES", text)
    assert refusal() == (
        'SHORTENER_LIMIT_ACCOUNT_BYTES: use a form such as "20MB/minute" '
        '(kB, MB, GB; second, minute, hour, day), or "off".'
    )


@pytest.mark.parametrize(
    "text",
    ["100", "0/minute", "-1/minute", "1.5/minute", "100/week", "100 per minute", "/minute", "on", "1e3/day", "٣/day"],
)
def test_any_other_rate_is_refused_with_an_example(environment, text):
    environment.setenv("SHORTENER_LIMIT_API", text)
    assert refusal() == 'SHORTENER_LIMIT_API: use a form such as "100/minute" (second, minute, hour, day), or "off".'


@given(st.text())
def test_no_text_makes_a_rate_that_limits_nothing_or_everything(text):
    try:
        rate = parse_rate(text)
    except ValueError:
        return
    assert rate is None or (rate.quota > 0 and rate.window_s > 0)


def test_trusted_proxies_are_addresses_and_networks(environment):
    environment.setenv("SHORTENER_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1 ,fd00::/8,::1")
    assert load_settings().trusted_proxies == tuple(
        map(ipaddress.ip_network, ("10.0.0.0/8", "192.0.2.1/32", "fd00::/8", "::1/128"))
    )


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://u:p%40@h:5433/d?ssl=require", "postgresql+asyncpg://u:p%40@h:5433/d?ssl=require"),
        ("postgresql+asyncpg://u@/d?host=/run/x", "postgresql+asyncpg://u@/d?host=/run/x"),
    ],
)
def test_database_urls_are_taken_as_other_programs_write_them(url, kept):
    assert load_settings(database_url=url).database_url == kept


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("valkey://h:1/0", "redis://h:1/0"),
        ("valkeys://h:1/0", "rediss://h:1/0"),
        ("rediss://u:p@h:1/0", "rediss://u:p@h:1/0"),
        ("unix:///run/x.sock", "unix:///run/x.sock"),
    ],
)
def test_redis_urls_are_taken_as_other_programs_write_them(url, kept):
    assert load_settings(redis_url=url).redis_url == kept


@pytest.mark.parametrize(
    ("base_url", "kept"),
    [
        ("https://sho.rt/", "https://sho.rt"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://bücher.de", "https://bücher.de"),
        ("", "http://[::1]:8000"),
    ],
)
def test_the_public_address_is_an_origin(base_url, kept):
    assert load_settings(base_url=base_url, host="::1").base_url == kept


WRONG = [
    ("PORT", "x", "valid integer"),
    ("PORT", "0", "greater than or equal to 1"),
    ("PORT", "65536", "less than or equal to 65535"),
    ("WEB_PROCESSES", "0", "greater than or equal to 1"),
    ("CODE_LENGTH", "2", "greater than or equal to 3"),
    ("BASE_URL", "sho.rt", "such as https://sho.rt"),
    ("BASE_URL", "https://sho.rt/path", "without a path"),
    ("BASE_URL", "ftp://sho.rt", "such as https://sho.rt"),
    ("BASE_URL", "https://user@sho.rt", "such as https://sho.rt"),
    ("BASE_URL", "https://sho.rt:99999", "such as https://sho.rt"),
    ("BASE_URL", "https://[::1", "such as https://sho.rt"),
    ("DATABASE_URL", "mysql://h/d", "such as postgresql://"),
    ("DATABASE_URL", "localhost/d", "such as postgresql://"),
    ("DATABASE_URL", "postgresql://u:p@h:port/d", "such as postgresql://"),
    ("DATABASE_REPLICA_URL", "postgresql://[::1/d", "such as postgresql://"),
    ("REDIS_URL", "http://h", "such as redis://"),
    ("REDIS_URL", "localhost:6379", "such as redis://"),
    ("REDIS_URL", "redis://h:port", "such as redis://"),
    ("REDIS_URL", "redis://[::1", "such as redis://"),
    ("TRUSTED_PROXIES", "proxy.example", "proxy.example"),
    ("TRUSTED_PROXIES", "10.0.0.1, 10.0.0.1/8", "10.0.0.1/8 has host bits set"),
    ("TRUSTED_PROXIES", "*", "'*'"),
    ("SECRET_KEY", "short", "at least 32"),
    ("OLD_SECRET_KEYS", f"{SECRET}\nshort", "at least 32"),
    ("REGISTRATION", "anybody", "'open', 'invite' or 'closed'"),
    ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
    ("ACCESS_LOG", "maybe", "valid boolean"),
]


@pytest.mark.parametrize(("name", "value", "says"), WRONG)
def test_a_wrong_setting_is_told_in_one_line_that_names_it_and_says_what_is_wanted(environment, name, value, says):
    environment.setenv(f"SHORTENER_{name}", value)
    message = refusal()
    assert message.startswith(f"SHORTENER_{name}: ")
    assert says in message
    assert message.endswith(".")
    assert "\n" not in message


def test_a_wrong_secret_is_not_told(environment):
    environment.setenv("SHORTENER_OLD_SECRET_KEYS", "hunter2")
    assert "hunter2" not in refusal()
    environment.delenv("SHORTENER_OLD_SECRET_KEYS")
    environment.setenv("SHORTENER_SECRET_KEY", "hunter2")
    assert "hunter2" not in refusal()
    environment.setenv("SHORTENER_SECRET_KEY", SECRET)
    assert SECRET not in repr(load_settings())


def test_several_wrong_settings_are_told_in_a_line_each(environment):
    environment.setenv("SHORTENER_PORT", "x")
    environment.setenv("SHORTENER_REDIS_URL", "x")
    lines = refusal().splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == ["SHORTENER_PORT", "SHORTENER_REDIS_URL"]


@pytest.mark.parametrize("missing", ["database_url", "redis_url", "secret_key"])
def test_an_app_without_a_setting_it_needs_says_which_and_what_to_do(missing):
    given = {"database_url": "postgresql://h/d", "redis_url": "redis://h", "secret_key": SECRET} | {missing: ""}
    with pytest.raises(SettingsError) as refused:
        create_app(load_settings(**given))
    assert str(refused.value).startswith(f"{variable(missing)} is not set. ")
    assert "shortener up" in str(refused.value)


def test_each_setting_can_be_given_as_a_file(environment, tmp_path):
    file = tmp_path / "value"
    file.write_text(f"{SECRET}\n")
    environment.setenv("SHORTENER_SECRET_KEY_FILE", str(file))
    rate = tmp_path / "rate"
    rate.write_text("7/second\n")
    environment.setenv("SHORTENER_LIMIT_API_FILE", str(rate))
    settings = load_settings()
    assert settings.secret_key.get_secret_value() == SECRET
    assert settings.limit_api == Rate(7, 1)


@pytest.mark.parametrize(
    "secret",
    [
        "x" * 31,
        "0123456789abcdef0123456789abcde",
        "x" * 64,
        "0" * 32,
        "abcabcabcabcabcabcabcabcabcabcabcabc",
        "changeme-changeme-changeme-1234567890",
        "CHANGE_THIS_to_32_random_characters!",
        "an example, which somebody has not changed",
        "your-secret-key-goes-here-1234567890abc",
        "the default secret of this installation",
    ],
)
def test_a_secret_that_is_short_simple_or_an_example_is_refused(environment, tmp_path, secret):
    """By variable and by file; the refusal does not say it."""
    (tmp_path / "secret").write_text(f"{secret}\n")
    for name, value in (("SECRET_KEY", secret), ("SECRET_KEY_FILE", str(tmp_path / "secret"))):
        environment.setenv(f"SHORTENER_{name}", value)
        told = refusal()
        assert told.startswith("SHORTENER_SECRET_KEY: use at least 32 random characters")
        assert secret not in told
        environment.delenv(f"SHORTENER_{name}")


def test_former_secret_keys_stand_behind_todays(environment):
    environment.setenv("SHORTENER_SECRET_KEY", SECRET)
    assert load_settings().every_secret_key == [SECRET]
    environment.setenv("SHORTENER_OLD_SECRET_KEYS", f"{'a' * 32}\n {'b' * 32}\n")
    assert load_settings().every_secret_key == [SECRET, "a" * 32, "b" * 32]
    assert "aaaa" not in repr(load_settings())


def test_a_variable_goes_before_its_file(environment, tmp_path):
    file = tmp_path / "value"
    file.write_text("9001")
    environment.setenv("SHORTENER_PORT_FILE", str(file))
    assert load_settings().port == 9001
    environment.setenv("SHORTENER_PORT", "9002")
    assert load_settings().port == 9002


def test_a_wrong_value_in_a_file_is_told_like_any_other(environment, tmp_path):
    file = tmp_path / "value"
    file.write_text("x")
    environment.setenv("SHORTENER_PORT_FILE", str(file))
    assert refusal().startswith("SHORTENER_PORT: ")


def test_a_file_that_cannot_be_read_is_told_in_one_line(environment, tmp_path):
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for path, reason in (
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (binary, "it is not text"),
    ):
        environment.setenv("SHORTENER_SECRET_KEY_FILE", str(path))
        assert refusal() == f"SHORTENER_SECRET_KEY_FILE: cannot read {path}: {reason}."


def test_variables_that_are_most_likely_misspelt_are_found():
    names = ["SHORTENER_PORT", "SHORTENER_PROT", "SHORTENER_SECRET_KEY_FILE", "SHORTENER_LIMIT", "PORT", "HOME"]
    assert unknown_variables(names) == ["SHORTENER_LIMIT", "SHORTENER_PROT"]


def test_settings_do_not_change_while_the_program_runs():
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1


def test_what_is_pasted_into_a_setting_loses_what_surrounds_it(environment):
    around = "\ufeff\u00a0{}\u200b\r\n"
    values = {
        "BASE_URL": "https://sho.rt",
        "DATABASE_URL": "postgresql+asyncpg://u:p@db:5432/x",
        "REDIS_URL": "redis://cache:6379/0",
        "OIDC_ISSUER": "https://id.example.com",
        "OIDC_CLIENT_ID": "x",
    }
    for name, value in values.items():
        environment.setenv(f"SHORTENER_{name}", value if name == "OIDC_CLIENT_ID" else around.format(value))
    environment.setenv("SHORTENER_CORS_ORIGINS", "\u00a0https://a.example,\u200bhttps://b.example\n")
    environment.setenv("SHORTENER_TRUSTED_PROXIES", "10.0.0.1\u200b,\u00a010.1.0.0/16")
    settings = load_settings()
    assert (settings.base_url, settings.redis_url, settings.oidc_issuer) == (
        values["BASE_URL"],
        values["REDIS_URL"],
        values["OIDC_ISSUER"],
    )
    assert settings.database_url == values["DATABASE_URL"]
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.trusted_proxies == (ipaddress.ip_network("10.0.0.1"), ipaddress.ip_network("10.1.0.0/16"))
