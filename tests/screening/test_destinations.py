import re
import string
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

import ada_url
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortener.redirect.location import encode
from shortener.screening.destinations import _PLAIN, MAX_LENGTH, _check_parsed, own_hosts, read_destination
from shortener.text import trim

OWN = own_hosts("https://sho.rt", 8000)

KEPT = [
    "https://example.com",
    "https://example.com/",
    "HTTPS://EXAMPLE.com",
    "https://example.com:443/",
    "http://example.com:080",
    "https://example.com?q=1",
    "https://example.com#top",
    "https://example.com/%7Euser/%41?q=%20+a&b=%E2%82%AC#x%20y",
    "https://example.com/a//b/./%2e%2e",
    "https://example.com/a@b?c@d=e@f",
    "https://example.com/?next=https://sho.rt/abc",
    "https://example.com/;jsessionid=1?a;b",
    "https://xn--bcher-kva.de/",
    "https://sho.rt.example.com/",
    "https://notsho.rt/",
    "https://example.com/sho.rt",
    "http://192.0.2.1:8080/x",
    "http://2130706433/",
    "https://[2001:db8::1]:8443/x",
    "http://127.0.0.1:9000/another-service",
    "http://localhost:3000/",
    "https://sho.rt:8443/another-service",
    "http://a_b.example/",
    "https://example.com./",
]

# Programs that follow links, such as Java's client, fail on the characters that are encoded here.
ENCODED = {
    "https://example.com/search?q=a|b^c{d}`e`": "https://example.com/search?q=a%7Cb%5Ec%7Bd%7D%60e%60",
    "https://example.com/?path=C:\\temp": "https://example.com/?path=C:%5Ctemp",
    "https://example.com/a|b/[c]": "https://example.com/a%7Cb/%5Bc%5D",
    "https://example.com/?a[]=1&b={c}": "https://example.com/?a%5B%5D=1&b=%7Bc%7D",
    "https://example.com/#a|b#c": "https://example.com/#a%7Cb%23c",
    "https://example.com/100%": "https://example.com/100%25",
    "https://example.com/?q=50%&r=%zz&s=%4": "https://example.com/?q=50%25&r=%25zz&s=%254",
    "https://example.com/?q=%7c%5E%7B%2525": "https://example.com/?q=%7c%5E%7B%2525",
    "https://[2001:db8::1]/?a=[b]": "https://[2001:db8::1]/?a=%5Bb%5D",
}

NORMALISED = {
    " https://example.com/ ": "https://example.com/",
    "https:example.com": "https://example.com/",
    "https:/example.com/x": "https://example.com/x",
    "https:///example.com/x": "https://example.com/x",
    "https:\\\\example.com\\x": "https://example.com/x",
    "https://example.com\\x": "https://example.com/x",
    "https://example.com\\@evil.example/": "https://example.com/@evil.example/",
    "https://example.com/a\\b": "https://example.com/a/b",
    "https://example.com/a b": "https://example.com/a%20b",
    "https://bücher.de/ü?ü#ü": "https://xn--bcher-kva.de/%C3%BC?%C3%BC#%C3%BC",
    "https://ｅｘａｍｐｌｅ．com/": "https://example.com/",
    "https://example.com/\u200bx": "https://example.com/%E2%80%8Bx",
    "https://example.com/x\n": "https://example.com/x",
    "\r\n\thttps://example.com/x\r\n": "https://example.com/x",
    "\u00a0https://example.com/x\u00a0": "https://example.com/x",
    "\u3000https://example.com/x\u3000": "https://example.com/x",
    "\ufeffhttps://example.com/x\u200b": "https://example.com/x",
    "\u2068https://example.com/x\u2069": "https://example.com/x",
    "\u200ehttps://example.com/x\u00ad\u2060": "https://example.com/x",
    "https://example.com/\u2028": "https://example.com/",
    "https://example.com/\x85": "https://example.com/",
    "https://example.com/a-\r\nlong-path\r\n?q=1\r\n": "https://example.com/a-long-path?q=1",
    "https://exam\nple.com/": "https://example.com/",
    "https://example.com/a\n\nb": "https://example.com/ab",
    "https://example.com/😀": "https://example.com/%F0%9F%98%80",
}

OTHER_SCHEMES = [
    "javascript:alert(1)",
    " javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "javascript://example.com/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "DATA:text/html;base64,PHNjcmlwdD4=",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "ftp://example.com/",
    "ws://example.com/",
    "blob:https://example.com/1",
    "view-source:https://example.com/",
    "about:blank",
    "mailto:a@example.com",
    "intent://example.com#Intent;scheme=https;end",
    "httpss://example.com/",
    "https+x://example.com/",
]

CONTROL = [
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "\x00https://example.com/",
    "https://example.com/\r\nSet-Cookie: a=b",
    "https://exam\tple.com/",
    "https://example.com/a\n b",
    "https://example.com/a\n\tb",
    "https://example.com/\nhttps://example.org/",
    "https://exam\nple.com/ is the page",
    "https://example.com/\x00",
    "https://example.com/\x7f",
    "https://example.com/a\x85b",
    "https://example.com/a\u2028b",
    "https://example.com/a\u2029b",
    "https://example.com/\ud800",
]

CREDENTIALS = [
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://:password@example.com/",
    "https://@example.com/",
    "https://:@example.com/",
    "https://example.com@evil.example/",
    "https://sho.rt%40@evil.example/",
    "https:user@example.com",
    "https:\\\\user@example.com",
    "https:///user@example.com",
    "https://a@b@example.com/",
]

OWN_SPELLINGS = [
    "https://sho.rt/abc",
    "http://sho.rt/abc",
    "HTTPS://SHO.RT/abc",
    "https://sho.rt",
    "https://sho.rt./abc",
    "https://sho.rt../abc",
    "http://sho.rt:443/abc",
    "https://sho.rt:8000/abc",
    "https:sho.rt/abc",
    "https:/sho.rt/abc",
    "https:\\\\sho.rt\\abc",
    "https://ｓｈｏ．ｒｔ/abc",
    "https://ＳＨＯ.rt/abc",
    "https://sho。rt/abc",
    "https://sho%2Ert/abc",
    "https://%73ho.rt/abc",
    "https://s\u00adho.rt/abc",
    "http://localhost:8000/abc",
    "http://LocalHost.:8000/abc",
    "http://app.localhost:8000/abc",
    "http://127.0.0.1:8000/abc",
    "http://127.0.0.1.:8000/abc",
    "http://127.1:8000/abc",
    "http://127.1.2.3:8000/abc",
    "http://2130706433:8000/abc",
    "http://0x7f.1:8000/abc",
    "http://0x7f000001:8000/abc",
    "http://0177.0.0.1:8000/abc",
    "http://①②⑦.0.0.1:8000/abc",
    "http://0:8000/abc",
    "http://0.0.0.0:8000/abc",
    "http://[::1]:8000/abc",
    "http://[0:0:0:0:0:0:0:1]:8000/abc",
    "http://[::]:8000/abc",
    "http://[::ffff:127.0.0.1]:8000/abc",
    "http://[::ffff:7f00:1]:8000/abc",
    "http://[::127.0.0.1]:8000/abc",
    "http://[64:ff9b::127.0.0.1]:8000/abc",
    "http://[64:ff9b:1::7f00:1]:8000/abc",
    "http://[2002:7f00:1::]:8000/abc",
    "http://[2001:0:1:2:3:4:80ff:fffe]:8000/abc",
    "https://localhost/abc",
]

NO_URL = [
    "",
    "   ",
    "example.com",
    "//example.com",
    "/abc",
    "https://",
    "https://:443/",
    "https://exa mple.com/",
    "https://example.com:99999/",
    "https://example.com:port/",
    "https://1.2.3.4.5/",
    "https://[::1",
    "https://exa<mple.com",
]

NO_HOST = [
    "http://.com",
    "http://a..b/",
    "https://example.com../",
    "https://..",
    "http://./x",
    "http://-/",
    "http://a{b}.example/",
    "http://a!b.example/",
    f"http://{'a' * 64}.com/",
    f"http://{'a.' * 127}example/",
]


@pytest.mark.parametrize("url", KEPT)
def test_a_url_that_everybody_reads_alike_is_kept_to_the_byte(url):
    assert read_destination(url, OWN).url == url


@pytest.mark.parametrize("url", NO_HOST)
def test_a_host_that_cannot_be_looked_up_is_refused(url):
    with pytest.raises(ValueError, match="not a valid host name"):
        read_destination(url, OWN)


@pytest.mark.parametrize(("url", "stored"), ENCODED.items())
def test_what_rfc_3986_does_not_allow_is_percent_encoded_and_nothing_else(url, stored):
    assert read_destination(url, OWN).url == stored
    assert read_destination(stored, OWN).url == stored


def test_urls_of_the_real_world_are_encoded_once():
    urls = (Path(__file__).parents[1] / "e2e" / "urls.txt").read_text().splitlines()
    for url in urls:
        stored = read_destination(url, OWN).url
        assert re.fullmatch(r"https?://[^/?#]+(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})*", stored)
        assert read_destination(stored, OWN).url == stored
        assert unquote(stored) in {unquote(url), unquote(str(ada_url.URL(url).href))}
    assert len(urls) > 190


@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_an_encoded_url_stays_as_it_is_and_means_the_same(rest):
    url = f"https://example.com/{rest}"
    encoded = encode(url)
    assert encode(encoded) == encoded
    assert unquote_to_bytes(encoded) == unquote_to_bytes(url)


@pytest.mark.parametrize(("url", "normal"), NORMALISED.items())
def test_a_url_that_could_be_read_in_two_ways_is_stored_as_browsers_read_it(url, normal):
    assert read_destination(url, OWN).url == normal


@pytest.mark.parametrize("url", OTHER_SCHEMES)
def test_no_other_scheme_is_let_in_under_any_disguise(url):
    with pytest.raises(ValueError, match="only http and https"):
        read_destination(url, OWN)


@pytest.mark.parametrize("url", CONTROL, ids=ascii)
def test_control_characters_are_refused(url):
    with pytest.raises(ValueError, match="control characters"):
        read_destination(url, OWN)


@pytest.mark.parametrize("url", CREDENTIALS)
def test_credentials_are_refused_wherever_they_hide(url):
    with pytest.raises(ValueError, match="credentials"):
        read_destination(url, OWN)


@pytest.mark.parametrize("url", OWN_SPELLINGS)
def test_this_services_own_hosts_are_refused_in_any_spelling(url):
    with pytest.raises(ValueError, match="leads back to this service"):
        read_destination(url, OWN)


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("http://127.0.0.1:8000", "http://localhost:8000/abc"),
        ("http://[::1]:8000", "http://127.0.0.1:8000/abc"),
        ("https://BÜCHER.de", "https://xn--bcher-kva.de/abc"),
        ("https://xn--bcher-kva.de", "https://bücher.de/abc"),
        ("http://192.0.2.1", "http://0xC0.0.2.1/abc"),
        ("https://sho.rt:8443", "https://sho.rt:8443/abc"),
        ("http://box.local:8080", "http://BOX.local:8080/abc"),
        ("http://box.local:9000", "https://box.local:8000/abc"),
        ("http://192.0.2.1", "http://[::ffff:192.0.2.1]/abc"),
        ("http://192.0.2.1", "http://[2002:c000:201::1]/abc"),
    ],
)
def test_own_hosts_follow_from_the_public_address_however_that_is_spelt(base_url, url):
    with pytest.raises(ValueError, match="leads back to this service"):
        read_destination(url, own_hosts(base_url, 8000))


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("http://box.local:8080", "http://box.local:9000/"),
        ("http://box.local:8080", "http://box.local/"),
        ("https://sho.rt:8443", "https://sho.rt/abc"),
        ("https://sho.rt", "https://sho.rt:9090/abc"),
    ],
)
def test_another_port_is_another_service(base_url, url):
    assert read_destination(url, own_hosts(base_url, 8000)).url == url


@pytest.mark.parametrize("url", NO_URL, ids=ascii)
def test_what_browsers_cannot_read_is_refused(url):
    with pytest.raises(ValueError, match=r"valid URL|empty"):
        read_destination(url, OWN)


@pytest.mark.parametrize("url", ["example.com/x", "example.com:8080/x", "localhost:3000", "www.example.com", "//a.b"])
def test_a_missing_scheme_is_explained(url):
    with pytest.raises(ValueError, match="Put https:// or http:// in front of it"):
        read_destination(url, OWN)


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("http//example.com", "Its beginning is misspelt"),
        ("htps://example.com", "Its beginning is misspelt"),
        ("https;//example.com", "Its beginning is misspelt"),
        ("ttps://example.com", "Its beginning is misspelt"),
        ('"https://example.com"', "Remove the characters before http:// or https://"),
        ("<https://example.com>", "Remove the characters before http:// or https://"),
        ("See: https://example.com", "Remove the characters before http:// or https://"),
        ("example.com/?next=https://example.org", "Put https:// or http:// in front of it"),
        ("https://https://example.com/", "It begins with http:// or https:// twice"),
        ("http://https://example.com/", "It begins with http:// or https:// twice"),
        ("https://", "It has no host"),
        ("https://:443/", "It has no host"),
        ("https://example.com:99999/", "Its port is not a number up to 65535"),
        ("https://example.com:" + "9" * 5000, "Its port is not a number up to 65535"),
        ("https://example.com:port/", "Its port is not a number up to 65535"),
        ("https://exa mple.com/", "Its host is not a name or an address"),
        ("https://1.2.3.4.5/", "Its host is not a name or an address"),
        ("https://[::1", "Its host is not a name or an address"),
    ],
    ids=lambda text: text[:40],
)
def test_a_mistyped_url_is_answered_with_what_to_mend(url, advice):
    with pytest.raises(ValueError, match=f"this is not a valid URL. {re.escape(advice)}"):
        read_destination(url, OWN)


def test_the_longest_url_is_kept_and_one_character_more_is_refused():
    longest = "https://example.com/".ljust(MAX_LENGTH, "x")
    assert MAX_LENGTH == 8192
    assert read_destination(longest, OWN).url == longest
    with pytest.raises(ValueError, match="longer than 8192"):
        read_destination(longest + "x", OWN)


def test_a_url_is_refused_that_grows_too_long_when_it_is_encoded():
    for url in ("https://example.com/" + "ü" * 2000, "https://example.com?".ljust(MAX_LENGTH, "x")):
        with pytest.raises(ValueError, match="once it is encoded"):
            read_destination(url, OWN)


WORDS = """
    http https HTTP javascript ftp : / // \\ @ ? # % %2e %40 . .. [ ] | 8000 0 a
    sho.rt localhost 127.1 example.com ü ｓ
"""
PIECES = st.sampled_from([*WORDS.split(), " ", "\t", "\n", "\x00"])
ODD_URLS = st.lists(PIECES, max_size=14).map("".join)
LIKELY_URLS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTPS://", "https:", "https:/", "http:\\\\", "https:///"]),
    st.sampled_from(
        ["example.com", "EXAMPLE.com.", "bücher.de", "192.0.2.7", "[2001:db8::7]", "a_b.example", "sho.rt", "127.1"]
    ),
    st.sampled_from(["", ":80", ":443", ":8000", ":65535"]),
    st.text(st.characters(codec="utf-8"), max_size=30).map(lambda text: text and f"/{text}"),
)


@settings(max_examples=1500)
@given(LIKELY_URLS | ODD_URLS | st.text(max_size=60))
def test_whatever_is_accepted_leads_browsers_where_the_input_did_and_never_anywhere_forbidden(text):
    try:
        kept = read_destination(text, OWN).url
    except ValueError:
        return
    wanted = encode(str(ada_url.URL(trim(text)).href))
    for base in ("https://sho.rt/abc", "http://sho.rt/abc", "http://127.0.0.1:8000/abc", "https://sho.rt/a/b?c#d"):
        assert ada_url.URL(kept, base=base).href == wanted
    url = ada_url.URL(kept)
    assert url.protocol in {"http:", "https:"}
    assert (url.username, url.password) == ("", "")
    assert url.hostname.rstrip(".") != "sho.rt" or url.port not in {"", "80", "443", "8000"}
    assert re.fullmatch(r"[\x21-\x7e]+", kept)
    assert len(kept) <= MAX_LENGTH
    assert read_destination(kept, OWN).url == kept


@given(st.text(string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@/?", max_size=200))
def test_a_path_of_ordinary_signs_is_kept_to_the_byte(path):
    url = f"https://example.com/{path}"
    assert read_destination(url, OWN).url == url


@given(st.text(max_size=100))
def test_whatever_is_refused_is_refused_with_a_reason(text):
    try:
        read_destination(text, OWN)
    except ValueError as error:
        reason = error
    else:
        return
    assert type(reason) is ValueError
    assert str(reason)


@given(st.lists(st.booleans(), min_size=6, max_size=6), st.sampled_from(["", "."]))
def test_no_mixture_of_cases_and_widths_hides_the_own_host(choices, dot):
    host = "".join(
        chr(ord(sign) + 0xFEE0) if wide else sign.upper() for sign, wide in zip("sho.rt", choices, strict=True)
    )
    with pytest.raises(ValueError, match="leads back to this service"):
        read_destination(f"https://{host}{dot}/x", OWN)


@settings(max_examples=1500)
@given(
    st.from_regex(_PLAIN, fullmatch=True)
    | st.builds(
        "https://{}{}{}".format,
        st.lists(st.sampled_from([*"a-0.", "sho.rt", "localhost", "xn--", "127.1", "0x7f", "com"]), min_size=1).map(
            "".join
        ),
        st.sampled_from(["", "/", "?", "#", "/.", ":80/", "@", "\\"]),
        st.text(string.printable, max_size=20),
    )
)
def test_what_need_not_be_parsed_is_judged_as_if_it_were(text):
    def outcome(check):
        try:
            return check(text, OWN)
        except ValueError as error:
            return str(error)

    assert outcome(read_destination) == outcome(_check_parsed)
