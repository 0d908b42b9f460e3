"""Lists as people paste them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener.dashboard.sheets import WrongEncoding, decoded, read_sheet, tags_of

ONE = "https://a.example/1"


@pytest.mark.parametrize(
    ("text", "separator", "rows"),
    [
        (f"{ONE}\n\n  {ONE} \n", "none", [{"url": ONE}, {"url": ONE}]),
        # URLs hold separators of their own.
        (f"{ONE}?a=1,2;3", "none", [{"url": f"{ONE}?a=1,2;3"}]),
        (f"{ONE},code-1\n{ONE},", "comma", [{"url": ONE, "code": "code-1"}, {"url": ONE}]),
        (f"{ONE};code-1;Title", "semicolon", [{"url": ONE, "code": "code-1", "title": "Title"}]),
        (f"{ONE}\tcode-1", "tab", [{"url": ONE, "code": "code-1"}]),
        (f"title,URL\nA,{ONE}", "comma", [{"url": ONE, "title": "A"}]),
        (f'Long URL;Keyword\n{ONE};"a;b"', "semicolon", [{"url": ONE, "code": "a;b"}]),
        ("url\n" + ONE, "none", [{"url": ONE}]),
        (f"url,title\n{ONE},'=1+1", "comma", [{"url": ONE, "title": "=1+1"}]),
        ("", "none", []),
    ],
)
def test_the_separator_and_the_columns_are_found(text, separator, rows):
    sheet = read_sheet(text)
    assert (sheet.separator, list(sheet.rows)) == (separator, rows)


def test_columns_that_mean_nothing_are_named():
    sheet = read_sheet(f"url,colour,code\n{ONE},red,abc")
    assert sheet.ignored == ["colour"]
    assert list(sheet.rows) == [{"url": ONE, "code": "abc"}]


def test_the_reader_can_choose_the_separator():
    assert list(read_sheet(f"{ONE},abc", "none").rows) == [{"url": f"{ONE},abc"}]


def test_a_file_of_a_spreadsheet_is_text_in_either_encoding():
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert decoded("ä".encode(encoding)) == "ä"
    for content in ("ä".encode("latin-1"), b"a\x00b", b"\x89PNG\r\n"):
        with pytest.raises(WrongEncoding):
            decoded(content)


def test_tags_are_divided_by_commas_semicolons_and_bars():
    assert tags_of(" a, b;c|d ,") == ["a", "b", "c", "d"]


@given(st.text(alphabet="ab,;\t\"\n\r'u\u2028:/.", max_size=80))
def test_no_text_is_too_odd_to_be_read(text):
    for row in read_sheet(text).rows:
        assert row.keys() <= {"url", "code", "title", "expires_at", "tags", "note"}
