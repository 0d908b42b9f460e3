"""Short codes: how they are made, and which ones people may choose. Pure."""

import os
import re
from typing import NamedTuple, Self

from shortener.links.ids import LINK_ID
from shortener.redirect.reserved import RESERVED
from shortener.settings import Settings

# Without 0 O, 1 l I: 57 characters that survive being read aloud, printed and typed.
ALPHABET = "23456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
# In lower case, and without those that look like others once somebody writes them in capitals.
LOWER_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
CUSTOM_CODE = re.compile(r"[A-Za-z0-9_-]{3,64}")


def is_reserved(code: str) -> bool:
    return code.lower() in RESERVED


class Codes(NamedTuple):
    """How a service generates codes: their length while there are enough of it, and their characters."""

    length: int
    alphabet: str = ALPHABET

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(settings.code_length, LOWER_ALPHABET if settings.ignores_case else ALPHABET)


def generate_codes(length: int, count: int, alphabet: str = ALPHABET) -> list[str]:
    """Random codes that cannot be guessed from others, and are not reserved words. One may come twice."""
    signs = alphabet.encode()
    # Each character stands for equally many bytes; those that are left over are thrown away.
    fair = len(signs) * (256 // len(signs))
    table, unfair = (signs * (256 // len(signs) + 1))[:256], bytes(range(fair, 256))
    codes: list[str] = []
    while len(codes) < count:
        text = os.urandom(length * (count - len(codes)) * 5 // 4 + 16).translate(table, unfair).decode()
        found = (text[n : n + length] for n in range(0, len(text) - length + 1, length))
        codes += [code for code in found if not is_reserved(code)]
    return codes[:count]


def generate_code(length: int, alphabet: str = ALPHABET) -> str:
    return generate_codes(length, 1, alphabet)[0]


def check_custom_code(code: str) -> str:
    """The code as it is. Raises ValueError with the reason when it cannot be one."""
    if CUSTOM_CODE.fullmatch(code) is None:
        raise ValueError("a code has 3 to 64 letters (a-z, A-Z), digits, '-' or '_'")
    if is_reserved(code):
        raise ValueError(f"'{code}' is reserved")
    if LINK_ID.fullmatch(code.lower()):
        raise ValueError("a code cannot have the form of a link's id")
    return code
