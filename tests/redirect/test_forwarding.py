"""Additions of a request and of a link to the destination, and the parts that they can never change."""

from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener.redirect.forwarding import MAX_LENGTH, compose
from shortener.redirect.options import Options, Utm

QUERY, PATH = Options(forward_query=True), Options(forward_path=True)
BOTH = Options(forward_query=True, forward_path=True)
UTM = Options(utm=Utm(source="news letter", campaign="a&b"))


@pytest.mark.parametrize(
    ("url", "options", "query", "rest", "expected"),
    [
        ("https://e.example/a?x=1#f", Options(), "x=2", "b", "https://e.example/a?x=1#f"),
        ("https://e.example/a", QUERY, "x=2", "", "https://e.example/a?x=2"),
        ("https://e.example/a?x=1&y=3&x=4#f", QUERY, "x=2", "", "https://e.example/a?y=3&x=2#f"),
        ("https://e.example/a?x=1", QUERY, "", "", "https://e.example/a?x=1"),
        ("https://e.example/a?%78=1", QUERY, "x=2", "", "https://e.example/a?x=2"),
        ("https://e.example/a?&&b&", QUERY, "y=1", "", "https://e.example/a?&&b&&y=1"),
        ("https://e.example/a?x=%2F%20+", QUERY, "y=%41", "", "https://e.example/a?x=%2F%20+&y=%41"),
        ("https://e.example/a", PATH, "x=2", "b/c", "https://e.example/a/b/c"),
        ("https://e.example/a/?x=1#f", PATH, "", "b", "https://e.example/a/b?x=1#f"),
        ("https://e.example", PATH, "", "b", "https://e.example/b"),
        ("https://e.example/", PATH, "", "b/", "https://e.example/b/"),
        ("https://e.example/a", PATH, "", "%C3%A4%2Fx", "https://e.example/a/%C3%A4%2Fx"),
        ("https://e.example/a", PATH, "", "../../b", "https://e.example/a/b"),
        ("https://e.example/a", PATH, "", "%2e%2e/b", "https://e.example/a/b"),
        ("https://e.example/a", PATH, "", "..%2f..%2fadmin/b", "https://e.example/a/b"),
        ("https://e.example/a", PATH, "", "x%5c..%5cb/c", "https://e.example/a/c"),
        ("https://e.example/a", PATH, "", "/evil.example/", "https://e.example/a/evil.example/"),
        ("https://e.example/a", PATH, "", "\\\\evil.example", "https://e.example/a/%5C%5Cevil.example"),
        ("https://e.example/a", BOTH, "q=1", "b", "https://e.example/a/b?q=1"),
        ("https://e.example/a", UTM, "", "", "https://e.example/a?utm_source=news%20letter&utm_campaign=a%26b"),
        ("https://e.example/?utm_source=x", UTM, "", "", "https://e.example/?utm_source=x&utm_campaign=a%26b"),
    ],
)
def test_the_destination_is_composed_as_the_link_says(url, options, query, rest, expected):
    assert compose(url, options, query, rest) == expected


def test_the_requests_utm_parameters_win_over_the_urls_and_the_links():
    options = Options(forward_query=True, utm=Utm(source="link", medium="link"))
    found = compose("https://e.example/?utm_source=url", options, "utm_source=request&utm_term=t", "")
    assert found == "https://e.example/?utm_source=request&utm_term=t&utm_medium=link"


def test_what_would_make_the_destination_too_long_is_left_out():
    url = "https://e.example/" + "a" * 8000
    assert compose(url, BOTH, "q=" + "x" * MAX_LENGTH, "") == url
    assert compose(url, BOTH, "q=" + "x" * 8000, "") == url + "?q=" + "x" * 8000


_names = st.text("abu%26= _-", min_size=1, max_size=5).map(lambda text: quote(text, safe=""))
_pairs = st.lists(st.tuples(_names, _names), max_size=5)
_rest = st.text(st.sampled_from("ab/.%\\@:;?#&=<> é\x01\r\n"), max_size=20)


def joined(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs)


@given(
    st.sampled_from(
        ["https://e.example", "http://e.example:8080/p", "https://[2001:db8::1]/p/q/", "https://e.example/#f"]
    ),
    _pairs,
    st.text(st.sampled_from("ab=&?#/\\@:%é\x01\r\n "), max_size=30),
    _rest,
    st.sampled_from([None, Utm("s", "m")]),
)
def test_nothing_that_is_added_changes_scheme_host_or_the_beginning_of_the_path(base, own, query, rest, utm):
    head, mark, fragment = base.partition("#")
    url = f"{head}{'?' + joined(own) if own else ''}{mark}{fragment}"
    options = Options(forward_query=True, forward_path=True, utm=utm)
    found = compose(url, options, query.replace("#", "%23"), rest.replace("?", "%3F").replace("#", "%23"))
    before, after = urlsplit(url), urlsplit(found)
    assert (after.scheme, after.netloc, after.fragment) == (before.scheme, before.netloc, before.fragment)
    assert after.path.startswith(before.path.rstrip("/"))
    assert ".." not in after.path.split("/")
    assert found.isascii()
    assert not set(found) & set("\r\n\x01 \\<>")


@given(_pairs, _pairs)
def test_parameters_of_the_request_win_and_all_others_stay_as_they_were(own, added):
    found = compose("https://e.example/p?" + joined(own), QUERY, joined(added), "")
    names = {name for name, _ in parse_qsl(joined(added), keep_blank_values=True)}
    kept = [pair for pair in own if not {n for n, _ in parse_qsl(joined([pair]), keep_blank_values=True)} & names]
    assert urlsplit(found).query == joined(kept + added if added else own)
