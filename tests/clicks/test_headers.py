"""What Accept-Language and the query of a click say, whatever strangers write there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener.clicks.agents import MAX_VALUE
from shortener.clicks.headers import Campaign, first_language, read_campaign


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (b"de", "de"),
        (b"de-AT,de;q=0.9,en;q=0.8", "de"),
        (b"en;q=0.4, PT-br ; q=0.9,de;q=0.9", "pt"),
        (b"*,fr;q=0.5", "fr"),
        (b"fil", "fil"),
        (b"zh-Hant-TW", "zh"),
        (b"de;q=0", None),
        (b"de;q=nan,x;q=1,english", None),
        (b"*", None),
        (b"\xff,;;,=", None),
        (b"", None),
    ],
)
def test_the_language_is_the_one_that_is_wanted_most(header: bytes, language: str | None) -> None:
    assert first_language(header) == language


@pytest.mark.parametrize(
    ("query", "campaign"),
    [
        (b"", Campaign()),
        (b"utm_source=a&utm_medium=b&utm_campaign=c", Campaign("a", "b", "c")),
        (b"utm_source=a+b%20c%C3%BC", Campaign("a b cü")),
        (b"utm_source=&utm_source=a&utm_source=b", Campaign("a")),
        (b"utm_source=%00%20&UTM_MEDIUM=b&xutm_source=c", Campaign()),
        (b"utm_source=%ff%FFa", Campaign("\ufffd\ufffda")),
        (b"x=1&qr&utm_medium=print", Campaign(None, "print")),
    ],
)
def test_the_query_says_where_a_visitor_comes_from(query: bytes, campaign: Campaign) -> None:
    assert read_campaign(query) == campaign


@given(st.binary(), st.binary())
def test_no_bytes_stop_a_click_or_make_a_long_value(query: bytes, header: bytes) -> None:
    values = (*read_campaign(b"utm_source=" + query), first_language(header))
    for value in values:
        assert value is None or (0 < len(value) <= MAX_VALUE and "\x00" not in value and value.encode())
