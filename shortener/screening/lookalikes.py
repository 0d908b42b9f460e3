"""Detects hosts that look like another name. Pure."""

from enum import StrEnum
from functools import lru_cache

import ada_url


class Flag(StrEnum):
    """Why a host is suspicious."""

    LOOK_ALIKE = "look-alike"
    MIXED_SCRIPTS = "mixed-scripts"
    PUNYCODE = "punycode"


# Scripts that are used together; COMMON has digits and hyphens.
_WRITTEN_TOGETHER = (
    {"COMMON", "LATIN", "HAN", "HIRAGANA", "KATAKANA"},
    {"COMMON", "LATIN", "HAN", "BOPOMOFO"},
    {"COMMON", "LATIN", "HAN", "HANGUL"},
)
_SERIOUS_FIRST = (Flag.LOOK_ALIKE, Flag.MIXED_SCRIPTS, Flag.PUNYCODE)


@lru_cache(maxsize=1024)
def flag_of(host: str) -> Flag | None:
    """The most serious flag of a Punycode host; None for any other."""
    if "xn--" not in host:
        return None
    flags = {_flag_of_label(ada_url.idna_to_unicode(label)) for label in host.split(".") if label.startswith("xn--")}
    return next((flag for flag in _SERIOUS_FIRST if flag in flags), None)


def _flag_of_label(label: str) -> Flag:
    # Imported late: the tables take 18 MB, which most processes never need.
    from confusable_homoglyphs import categories, confusables

    letters = {sign for sign in label if sign.isalpha() and not sign.isascii()}
    confusable = confusables.is_confusable("".join(letters), greedy=True, preferred_aliases=["latin"]) or []
    # All letters of one script look like Latin ones: readers cannot tell such a name from a Latin one.
    if letters and len(confusable) == len(letters):
        return Flag.LOOK_ALIKE
    scripts = categories.unique_aliases(label)
    if len(scripts - {"COMMON"}) > 1 and not any(scripts <= together for together in _WRITTEN_TOGETHER):
        return Flag.MIXED_SCRIPTS
    return Flag.PUNYCODE
