"""Names of links that stay when their code changes: `lnk_` and 13 characters. Pure.

A name is the link's number in another form, so that nothing has to be stored and looked up for it. It does not show how
many links there are, and it opens nothing: each request is checked for its rights.
"""

import re

# Crockford's alphabet (crockford.com/base32.html) in small letters: without i, l, o and u.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_LENGTH = 13
_MASK = 2**64 - 1
# The finalizer of SplitMix64 (Steele, Lea and Flood 2014), which mixes 64 bits and can be turned back.
_FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_INVERSES = tuple(pow(factor, -1, 2**64) for factor in _FACTORS)
_SHIFTS = (30, 27, 31)

LINK_ID = re.compile(rf"lnk_[{_ALPHABET}]{{{_LENGTH}}}")


def link_id_of(number: int) -> str:
    """The name of a link by its number, which is positive and below 2**63."""
    mixed = number
    for shift, factor in zip(_SHIFTS, _FACTORS, strict=False):
        mixed = (mixed ^ mixed >> shift) * factor & _MASK
    mixed ^= mixed >> _SHIFTS[2]
    return "lnk_" + "".join(_ALPHABET[mixed >> 5 * place & 31] for place in reversed(range(_LENGTH)))


def number_of(text: str) -> int | None:
    """The number of a link by its name; None for any other text."""
    if LINK_ID.fullmatch(text) is None:
        return None
    mixed = 0
    for character in text[4:]:
        mixed = mixed << 5 | _VALUES[character]
    if mixed > _MASK:
        return None
    mixed = _without_shift(mixed, _SHIFTS[2])
    for shift, inverse in zip(reversed(_SHIFTS[:2]), reversed(_INVERSES), strict=True):
        mixed = _without_shift(mixed * inverse & _MASK, shift)
    return mixed if 0 < mixed < 2**63 else None


def _without_shift(mixed: int, shift: int) -> int:
    """The number whose exclusive or with itself, shifted to the right, this is."""
    number = mixed
    for _ in range(64 // shift):
        number = mixed ^ number >> shift
    return number
