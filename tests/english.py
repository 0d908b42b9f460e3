"""Finds turns of phrase that a newcomer stumbles over, in comments, docstrings, other texts of the code, and documents.

python -m tests.english                  # each place
python -m tests.english --words          # hits and words by folder
"""

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

# What to write instead stands behind each.
STUMBLES = {
    r"(?<!here )\b(?:is|are|was|were|be) no"
    r"(?!t\b|ne\b| longer| more than| less| fewer| later| earlier)\s+\w+": "is not a …",
    r"(?<!here )\b(?:is|are|was|were) none\b": "is not …; there is no …",
    r"\bno(?:t any)? more(?= [a-z]*[^a-z]|\.|,|;|:)(?! than| of\b| links| clicks| data| bytes)": "no longer",
    r"\balso (?:when|where|if|in|of|for|by|with|to|at|on|after|while|as|those|that)\b": "even when …; … as well",
    r"\b(?:so many|so much|so long|so few)\b(?! (?:as|that))": "that many; name the number",
    r"\bsigns?\b(?![ -](?:in|up|on|off|out)\b)": "characters; sign only for signing",
    r"\b(?:is|are|was|were|be) told\b": "gets …; learns …; sees …",
    r"\btells? of\b": "says; shows; reports",
    r"\bof (?:ours|theirs)\b": "our …; the project's …",
    r"\b(?:is|are|was|were) to be\b": "must be; will be",
    r"\banew\b": "again",
    r"\bleaves? (?:it )?away\b": "unset; omit",
    r"\bwhoever\b|\bwhosoever\b": "anybody who; clients that",
    r"(?:^|[.;:(] )[Ww]ho (?!may do what)"
    r"(?:is|are|was|has|have|may|can|does|asks?|shows?|comes?|makes?|gets?|knows?)\b(?![^.]*\?)": "clients that …",
    r"(?:^|[.;] )What "
    r"(?:is|are|was|has|have|it|they|somebody|nobody|comes?|goes|cannot|can|else|a|the)\b(?![^.]*\?)": "data that …",
    r"\b(?:one|two|three|\d+) an? "
    r"(?:line|second|minute|hour|day|month|round|batch|request|user|link|code|client|process)\b": "per",
    r"\b(?!(?:is|was|cuts|wants|reveals)\b)"
    r"\w+s an? (?:second|minute|hour|day|month)\b(?! (?:ago|later|before|after))": "per",
    r"\bby so much\b|\bby so many\b": "by that much",
    r"\b(?:suffer|suffers|suffered) to\b": "allow",
    r"\bin place of\b": "instead of",
    r"\bshall\b": "must; will",
    r"\bbesides\b(?! the\b)|\btherein\b|\bthereof\b|\bwhereupon\b|\bwherein\b|\blest\b": "plain words",
    r"\bby itself,? when\b|\bfor the sake of\b|\bof their own accord\b": "plain words",
    r"\bnobody (?:gains|knows by|sees by|learns by)\b": "reveals nothing",
    r"\bas (?:is|are|was) (?:done|told|said)\b": "as … does",
    r"\bwithout owner\b": "without an owner",
    r"\b(?:is|are|was|were|be|being|stays?|stayed) away\b": "down; does not answer",
    r"\bto the letter\b": "exactly; literally",
    r"\b(?:comes?|came) of (?:it|them|this)\b|\bwhat came of\b": "the result of …",
    r"\bwhat (?:somebody|nobody|anybody|else)\b": "name the thing",
    r"\ball the same\b|\bover and over\b": "still; anyway; even so",
    r"\bby so\b|\bafter so long\b|\bso late\b|\bso lately\b": "this long; this late",
}
_PATTERN = re.compile("|".join(f"(?P<m{n}>{pattern})" for n, pattern in enumerate(STUMBLES)), re.MULTILINE)
_WORD = re.compile(r"[A-Za-z]{2,}")
_CODE = re.compile(r"```.*?```|`[^`\n]*`|^(?: {4}|\t).*$|\]\([^)]*\)|<!--.*?-->", re.DOTALL | re.MULTILINE)
# Words of others: names of standards' rows, licences, and records of what was decided then.
_NOT_OURS = ("docs/adr/", "LICENSE")


class Stumble(NamedTuple):
    path: Path
    line: int
    text: str
    better: str


def sources() -> Iterator[Path]:
    for folder in ("shortener", "workers", "migrations", "scripts", "tests"):
        yield from sorted((ROOT / folder).rglob("*.py"))
    yield from (path for path in sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")) if is_ours(path))
    yield from (ROOT / ".env.example", ROOT / "Makefile", ROOT / "docker-compose.yml", ROOT / "Dockerfile")


def is_ours(path: Path) -> bool:
    return not str(path.relative_to(ROOT)).startswith(_NOT_OURS)


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file with the lines on which they begin; several comment lines in a row are one text."""
    text = path.read_text()
    if path.suffix == ".md":
        yield 1, _CODE.sub(lambda m: "\n" * m[0].count("\n") + " x ", text)
    elif path.suffix == ".py":
        yield from _python(text)
    else:
        lines = enumerate(text.splitlines(), 1)
        yield from ((n, line.partition("#")[2].strip()) for n, line in lines if "#" in line)


def _python(text: str) -> Iterator[tuple[int, str]]:
    start, comment = 0, ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            start = start if comment else token.start[0]
            comment += token.string.lstrip("#: ") + "\n"
        elif token.type not in {tokenize.NL, tokenize.NEWLINE} and comment:
            yield start, comment
            comment = ""
        if token.type == tokenize.STRING and " " in token.string:
            yield token.start[0], re.sub(r"`[^`\n]*`", " x ", token.string.strip("rbfuRBFU\"'"))


def stumbles(path: Path) -> Iterator[Stumble]:
    if path == Path(__file__):
        return
    for start, text in prose(path):
        for match in _PATTERN.finditer(text):
            better = list(STUMBLES.values())[int(str(match.lastgroup)[1:])]
            line = start + text.count("\n", 0, match.start())
            yield Stumble(path, line, match[0].strip(), better)


def words(path: Path) -> int:
    return sum(len(_WORD.findall(text)) for _, text in prose(path))


def main() -> None:
    if "--words" in sys.argv:
        folders: dict[str, list[int]] = {}
        for path in sources():
            entry = folders.setdefault("/".join(path.relative_to(ROOT).parts[:2]), [0, 0])
            entry[0] += len(list(stumbles(path)))
            entry[1] += words(path)
        for folder, (hits, count) in folders.items():
            print(f"{hits:5} {count:7} {folder}")
        print(sum(e[0] for e in folders.values()), sum(e[1] for e in folders.values()))
        return
    for path in sources():
        for found in stumbles(path):
            print(f"{path.relative_to(ROOT)}:{found.line}: {found.text!r}: {found.better}")


if __name__ == "__main__":
    main()
