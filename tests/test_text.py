"""Texts are taken as people paste them, and stored as one line."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shortener.access.schemas import Email, EmailAddress
from shortener.accounts.commands import read_key_name
from shortener.accounts.schemas import KeyName
from shortener.errors import Unprocessable
from shortener.links.schemas import LinkCreate, Title
from shortener.moderation.schemas import BanCreate, ReportCreate, Words
from shortener.text import log_line, one_line, trim
from shortener.workspaces.schemas import Name

TAKEN = {
    "a no-break space": ("Spring\u00a0sale", "Spring sale"),
    "a narrow no-break space": ("50\u202f%", "50 %"),
    "an ideographic space": ("東京\u3000大阪", "東京 大阪"),
    "a line feed": ("Spring\nsale", "Spring sale"),
    "line breaks of Windows": ("Spring\r\n\r\n  sale\r\n", "Spring sale"),
    "a tab": ("Spring\tsale", "Spring sale"),
    "other line breaks": ("a\vb\fc\x85d\u2028e\u2029f", "a b c d e f"),
    "blanks around it": ("\u3000\u00a0\ufeff Sale \u200b\u2060\n", "Sale"),
    "a family": ("👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"),
    "a heart with its variation": ("❤️", "❤️"),
    "a flag made of tags": ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",) * 2,
    "an emoji of Unicode 17": ("\U0001fac8",) * 2,
    "a character of the future": ("\U0001faff \u0378",) * 2,
    "a character of private use": ("\ue000 \U0010fffd",) * 2,
    "a soft hyphen": ("Donau\u00addampfer",) * 2,
    "a joiner within a Persian word": ("می\u200cخواهم",) * 2,
    "a mark of direction": ("C++\u200e שלום",) * 2,
    "isolates that a chat puts around a name": ("\u2068Ada\u2069 says \u202aHi\u202c", "Ada says Hi"),
}
REFUSED = ["a\x00b", "\x1b[31mred", "a\x7fb", "a\x80b", "\x1c", "a\ud83d", "\udc00", "\u202egpj.exe", "a\u202db"]


@pytest.mark.parametrize(("text", "stored"), TAKEN.values(), ids=TAKEN)
def test_a_text_is_one_line_however_it_was_pasted(text, stored):
    assert one_line(text) == stored
    assert one_line(stored) == stored


@pytest.mark.parametrize("text", REFUSED, ids=ascii)
def test_controls_and_unpaired_surrogates_and_overrides_are_refused(text):
    with pytest.raises(ValueError, match="control characters"):
        one_line(text)


def test_every_other_character_is_taken_whatever_this_python_knows_of_it():
    for number in range(sys.maxunicode + 1):
        sign = chr(number)
        refused = (
            unicodedata.category(sign) in {"Cc", "Cs"} and sign not in "\t\n\v\f\r\x85"
        ) or sign in "\u202d\u202e"
        try:
            one_line(f"a{sign}b")
        except ValueError:
            assert refused, ascii(sign)
        else:
            assert not refused, ascii(sign)


def test_every_space_that_python_knows_is_white_space_but_the_separators_of_files():
    spaces = [chr(n) for n in range(sys.maxunicode + 1) if chr(n).isspace() and not "\x1c" <= chr(n) <= "\x1f"]
    assert [one_line(f"a{space}b") for space in spaces] == ["a b"] * len(spaces)


@given(st.text())
def test_what_is_stored_is_stored_the_same_again(text):
    try:
        stored = one_line(text)
    except ValueError:
        return
    assert one_line(stored) == stored == trim(stored)
    assert "\n" not in stored
    stored.encode()


FIELDS = {"title": Title, "name of a workspace": Name, "name of a key": KeyName, "reason of a ban": Words}


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_every_field_for_texts_takes_them_alike(field):
    adapter = TypeAdapter(field)
    for text, stored in TAKEN.values():
        assert adapter.validate_python(text) == stored
    for text in REFUSED:
        with pytest.raises(ValidationError, match="control characters"):
            adapter.validate_python(text)


@pytest.mark.parametrize("field", [Name, KeyName, Words])
def test_a_name_that_nobody_would_see_is_refused(field):
    for text in ("", " ", "\u00a0", "\n", "\u200b", "\ufeff\u2060", "\u3164", "\u2068\u2069"):
        with pytest.raises(ValidationError, match="at least 1 character"):
            TypeAdapter(field).validate_python(text)


def test_a_length_is_that_of_what_is_stored():
    assert TypeAdapter(Title).validate_python("x" * 300 + "\r\n") == "x" * 300
    with pytest.raises(ValidationError, match="at most 300 characters"):
        TypeAdapter(Title).validate_python("x" * 301)
    assert TypeAdapter(Title).json_schema()["maxLength"] == 300


def test_a_comment_and_the_command_line_take_texts_as_all_others():
    assert ReportCreate(code="abc", reason="spam", comment="Seen\u00a0it\n\n🫨 here ").comment == "Seen it 🫨 here"
    assert read_key_name(" CI\n") == "CI"
    for name in ("", "a\x1bb", "x" * 101):
        with pytest.raises(Unprocessable, match="name: "):
            read_key_name(name)
    with pytest.raises(ValidationError, match="control characters"):
        LinkCreate(url="https://example.com", title="\udcfc")


def test_what_is_pasted_into_a_short_field_loses_what_surrounds_it():
    around = "\ufeff\u00a0{}\u200b\r\n"
    assert TypeAdapter(Email).validate_python(around.format("Ada@Example.com")) == "ada@example.com"
    assert ReportCreate(code=around.format("abc"), reason="spam").code == "abc"
    assert BanCreate(kind="link", value=around.format("abc"), reason="spam").value == "abc"


def test_an_address_of_a_provider_is_taken_to_the_letter():
    with pytest.raises(ValidationError):
        TypeAdapter(EmailAddress).validate_python("ada@example.com\u200b")


def test_nothing_in_a_log_forges_a_line_or_an_order():
    assert log_line("a\nb\u2028c\u202ed\x1b\ud800") == "a\ufffdb\ufffdc\ufffdd\ufffd\ufffd"
    assert log_line("Ärger\u00a0🫨") == "Ärger\u00a0🫨"


@given(st.text(" \u200b\n", min_size=5000, max_size=5000))
def test_a_long_run_of_blanks_takes_no_time(blanks):
    assert one_line(f"a{blanks}b{blanks}").endswith("b")
