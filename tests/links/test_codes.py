import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener.links.codes import ALPHABET, CUSTOM_CODE, RESERVED, check_custom_code, generate_code, is_reserved

CUSTOM_SIGNS = string.ascii_letters + string.digits + "-_"


def test_no_two_signs_of_a_generated_code_look_alike():
    assert not set("0O1lI") & set(ALPHABET)
    assert len(ALPHABET) == len(set(ALPHABET)) == 57


@given(st.integers(3, 64))
def test_a_generated_code_has_the_length_asked_for_and_could_also_be_chosen(length):
    code = generate_code(length)
    assert len(code) == length
    assert set(code) <= set(ALPHABET)
    assert check_custom_code(code) == code


def test_a_hundred_thousand_generated_codes_are_all_different():
    assert len({generate_code(10) for _ in range(100_000)}) == 100_000


def test_every_sign_is_as_likely_as_any_other_at_every_place():
    made = [generate_code(7) for _ in range(20_000)]
    for place in range(7):
        seen = [code[place] for code in made]
        counts = [seen.count(sign) for sign in ALPHABET]
        # 351 are expected of each; six standard deviations are 112.
        assert min(counts) > 230
        assert max(counts) < 470


def test_a_reserved_word_is_never_generated():
    made = {generate_code(3, "ampe") for _ in range(2000)}
    assert "app" in RESERVED
    assert "app" not in made
    assert len(made) == 4**3 - 1


@given(st.text(CUSTOM_SIGNS, min_size=3, max_size=64).filter(lambda code: not is_reserved(code)))
def test_any_three_to_sixty_four_letters_digits_hyphens_and_underscores_make_a_custom_code(code):
    assert check_custom_code(code) == code


@given(st.text(max_size=70).filter(lambda text: not re.fullmatch(r"[A-Za-z0-9_-]{3,64}", text, re.ASCII)))
def test_no_other_text_is_a_custom_code(text):
    with pytest.raises(ValueError, match="3 to 64"):
        check_custom_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "ab",
        "a" * 65,
        "",
        "a b",
        "abc\n",
        "\nabc",
        "abc\x00",
        "a/b/c",
        "abc+",
        "äbc",
        "ａｂｃ",
        "a.b",
        "a%20",
        "٣٤٥",
        "abc\ud800",
    ],
)
def test_a_custom_code_is_refused_that_a_path_would_not_carry(text):
    with pytest.raises(ValueError, match="3 to 64"):
        check_custom_code(text)


@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
@pytest.mark.parametrize("word", sorted(RESERVED))
def test_a_reserved_word_is_refused_in_any_spelling(word, spelling):
    assert is_reserved(spelling(word))
    if CUSTOM_CODE.fullmatch(word):
        with pytest.raises(ValueError, match="reserved"):
            check_custom_code(spelling(word))
