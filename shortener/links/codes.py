"""Short codes: how they are made, and which ones people may choose. Pure."""

import re
import secrets

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


def generate_code(length: int) -> str:
    """A random code that cannot be guessed from others, and is no reserved word."""
    while True:
        code = "".join(secrets.choice(ALPHABET) for _ in range(length))
        if not is_reserved(code):
            return code


def check_custom_code(code: str) -> str:
    """The code as it is. Raises ValueError with the reason when it cannot be one."""
    if CUSTOM_CODE.fullmatch(code) is None:
        raise ValueError("a code has 3 to 64 letters (a-z, A-Z), digits, '-' or '_'")
    if is_reserved(code):
        raise ValueError(f"'{code}' is reserved")
    return code
