"""The form of a URL that people read and type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener.links.readable import SEARCHED_CHARACTERS, readable_url

SCHEME = "https://example.com/"


@pytest.mark.parametrize(
    ("url", "readable"),
    [
        ("https://ru.wikipedia.org/wiki/%D0%9C%D0%BE%D1%81%D0%BA%D0%B2%D0%B0", "https://ru.wikipedia.org/wiki/Москва"),
        ("https://xn--tbingen-n2a.de/", "https://tübingen.de/"),
        ("https://XN--TBINGEN-N2A.de:8443/a?b#c", "https://tübingen.de:8443/a?b#c"),
        ("https://www.xn--p1ai:80/%E6%B5%8B?q=%E8%AF%95#%E2%82%AC", "https://www.рф:80/测?q=试#€"),
        ("https://example.com/summer%20sale", "https://example.com/summer sale"),
        # Letters that are put together of two are searched as they are typed.
        ("https://example.com/u%CC%88ber", "https://example.com/über"),
        ("https://example.com/a%00b%0Ac%FFd", "https://example.com/a\ufffdb\ufffdc\ufffdd"),
    ],
)
def test_host_and_path_are_as_people_read_them(url: str, readable: str) -> None:
    assert readable_url(url) == readable


@pytest.mark.parametrize(
    "url", [SCHEME, "https://example.com/a?b=c#d", "https://example.com/100%", "https://xn--zzzzzz---999.de/"]
)
def test_there_is_none_where_it_is_the_url_itself(url: str) -> None:
    assert readable_url(url) is None


def test_it_is_bounded_in_characters_as_they_are_read() -> None:
    assert readable_url(SCHEME + "%F0%9F%98%80" * 2000) == SCHEME + "😀" * (SEARCHED_CHARACTERS - len(SCHEME))
    assert readable_url(SCHEME + "a" * SEARCHED_CHARACTERS + "%20") is None


@given(st.text(st.sampled_from("%0aAfF9xn-.:/?#ü\n"), max_size=60))
def test_whatever_follows_it_can_be_stored_on_one_line(text: str) -> None:
    readable = readable_url(f"https://{text}")
    assert readable is None or not set(readable) & {"\x00", "\n"}
