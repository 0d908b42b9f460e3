"""Files that operators replace while the program runs."""

from pathlib import Path

import pytest

from shortener.event_loop.followed_file import FollowedFile


class Reader:
    """Reads numbers, and keeps what it did."""

    def __init__(self, path: Path) -> None:
        self.tries = 0
        self.taken: list[int] = []
        self.complaints: list[str] = []
        self.file = FollowedFile(path, self._read, self.taken.append, lambda error: self.complaints.append(str(error)))

    def _read(self, path: Path) -> int:
        self.tries += 1
        return int(path.read_text())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "number"
    path.write_text("1")
    return path


async def refresh(reader: Reader, times: int = 3) -> None:
    for _ in range(times):
        await reader.file.refresh()


async def test_a_file_is_read_again_only_when_it_changes(path: Path) -> None:
    reader = Reader(path)
    await refresh(reader)
    path.write_text("22")
    await refresh(reader)
    path.with_name("new").write_text("33")
    path.with_name("new").replace(path)
    await refresh(reader)
    assert (reader.taken, reader.tries, reader.complaints) == ([1, 22, 33], 3, [])


async def test_wrong_content_is_read_and_reported_once(path: Path) -> None:
    reader = Reader(path)
    path.write_text("one")
    await refresh(reader)
    assert (reader.taken, reader.tries, len(reader.complaints)) == ([], 1, 1)
    path.write_text("2")
    await refresh(reader)
    assert reader.taken == [2]


async def test_a_file_that_cannot_be_read_is_tried_again_and_reported_once(path: Path) -> None:
    reader = Reader(path)
    await refresh(reader)
    path.rename(path.with_name("elsewhere"))
    await refresh(reader)
    assert (reader.taken, len(reader.complaints)) == ([1], 1)
    # The same file as before.
    path.with_name("elsewhere").rename(path)
    await refresh(reader)
    assert reader.taken == [1, 1]
