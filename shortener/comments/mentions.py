"""Finds the members whom a text mentions. Pure."""

import re
from collections import defaultdict
from collections.abc import Mapping

MAX_MENTIONS = 20
# An address, or its part before the `@`. With a word in front it is an address in a sentence, and does not mention.
MENTION = re.compile(r"(?<![\w.@])@([A-Za-z0-9._%+-]{1,64}(?:@[A-Za-z0-9.-]{1,255})?)")


def mentioned(text: str, members: Mapping[str, int]) -> list[int]:
    """Users in order, at most MAX_MENTIONS. `members` are users by their address. `@ada` means the one member whose
    address begins with `ada@`; if there are two, it means nobody."""
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    for email, user_id in members.items():
        by_name[email.partition("@")[0]].append(user_id)
    found: dict[int, None] = {}
    for match in MENTION.finditer(text):
        # A sentence may end behind it.
        name = match[1].rstrip(".-").lower()
        named = [members[name]] if name in members else by_name.get(name, [])
        if len(named) == 1:
            found[named[0]] = None
    return list(found)[:MAX_MENTIONS]
