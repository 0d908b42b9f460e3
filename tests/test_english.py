"""The project's prose has few turns of phrase that a newcomer stumbles over, and their number only falls."""

from tests.english import ROOT, sources, stumbles, words

# Lower it whenever there are fewer.
ALLOWED = 547
PER_1000_WORDS = 10


def test_prose_does_not_become_harder_to_read():
    found = [stumble for path in sources() for stumble in stumbles(path)]
    listed = "\n".join(f"{s.path.relative_to(ROOT)}:{s.line}: {s.text!r}: {s.better}" for s in found)
    assert len(found) <= ALLOWED, f"plain words, please: python -m tests.english\n{listed}"
    assert len(found) == ALLOWED, f"there are fewer stumbles: set ALLOWED to {len(found)}"


def test_prose_is_plain_for_its_length():
    assert sum(len(list(stumbles(path))) for path in sources()) * 1000 <= PER_1000_WORDS * sum(map(words, sources()))
