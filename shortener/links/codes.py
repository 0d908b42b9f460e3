"""Short codes: how they are made, and which ones people may choose. Pure."""

import os
import re

# Without 0 O, 1 l I: 57 signs that survive being read aloud, printed and typed.
ALPHABET = "23456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
CUSTOM_CODE = re.compile(r"[A-Za-z0-9_-]{3,64}")

# First parts of paths that are, or may become, something else than a link.
_RESERVED_WORDS = """
    about account admin api app apps assets auth billing blog dashboard docs favicon health healthz help home
    index invitations keys links login logout me metrics new oauth oidc openapi pricing privacy public qr ready
    redoc register report reports robots security settings shortener signin signup sitemap static stats status
    support terms user users well-known workspace workspaces www
"""
RESERVED = frozenset(_RESERVED_WORDS.split())


def is_reserved(code: str) -> bool:
    return code.lower() in RESERVED


def generate_codes(length: int, count: int) -> list[str]:
    """Random codes that cannot be guessed from others, and are no reserved words. One may come twice."""
    signs = ALPHABET.encode()
    # Each sign stands for equally many bytes; those that are left over are thrown away.
    fair = len(signs) * (256 // len(signs))
    table, unfair = (signs * (256 // len(signs) + 1))[:256], bytes(range(fair, 256))
    codes: list[str] = []
    while len(codes) < count:
        text = os.urandom(length * (count - len(codes)) * 5 // 4 + 16).translate(table, unfair).decode()
        found = (text[n : n + length] for n in range(0, len(text) - length + 1, length))
        codes += [code for code in found if not is_reserved(code)]
    return codes[:count]


def generate_code(length: int) -> str:
    return generate_codes(length, 1)[0]


def check_custom_code(code: str) -> str:
    """The code as it is. Raises ValueError with the reason when it cannot be one."""
    if CUSTOM_CODE.fullmatch(code) is None:
        raise ValueError("a code has 3 to 64 letters (a-z, A-Z), digits, '-' or '_'")
    if is_reserved(code):
        raise ValueError(f"'{code}' is reserved")
    return code
