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


def rows(section: str, page: Path = PAGE) -> dict[str, list[str]]:
    """The cells of the table of a section, by the first of each row."""
    text = page.read_text().partition(f"<!-- {section} -->\n")[2].partition(f"<!-- end of {section} -->")[0]
    cells = [line.strip("| ").split(" | ") for line in text.splitlines()[2:] if line.startswith("|")]
    return {first: others for first, *others in cells}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown; columns but the first are aligned to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
