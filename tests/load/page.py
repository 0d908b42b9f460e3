"""docs/benchmarks.md: each measurement writes its own section, and leaves the others as they are."""

from collections.abc import Iterable, Sequence
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def write(section: str, text: str, page: Path = PAGE) -> None:
    """Replace what stands between `<!-- section -->` and `<!-- end of section -->`. Raises ValueError without them."""
    old = page.read_text()
    start, end = f"<!-- {section} -->\n", f"<!-- end of {section} -->"
    before, found, rest = old.partition(start)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise ValueError(f"{page.name} has no section {section!r}")
    page.write_text(f"{before}{start}{text.strip()}\n{end}{after}")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown; columns but the first are aligned to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
