"""`shortener links qr`."""

from tests.conftest import create_link
from tests.qr.reading import opened, read


async def test_a_code_is_written_to_a_file_as_its_ending_says(client, shortener, tmp_path):
    link = await create_link(client, code="abc")
    png, svg = tmp_path / "code.png", tmp_path / "code.svg"
    options = ("--size", "600", "--margin", "2", "--error-correction", "Q", "--color", "#000080", "--no-track")
    assert shortener("links", "qr", link["id"], "--output", str(png), *options) == (0, "")
    [text, level] = read(png.read_bytes())
    assert text.endswith("/abc")
    assert (level, opened(png.read_bytes()).size) == ("Q", (600, 600))
    assert shortener("links", "qr", "abc", "--output", str(svg), "--background", "transparent") == (0, "")
    assert read(svg.read_bytes()).text == f"{text}?qr"


async def test_what_cannot_be_drawn_is_explained_and_writes_nothing(client, shortener, tmp_path):
    await create_link(client, code="abc")
    wrong = {
        ("abc", "--output", "x.gif"): "format: Input should be 'svg' or 'png'",
        ("abc", "--output", "x.png", "--color", "#ffff00"): "differs too little from the background",
        ("abc", "--output", "x.png", "--logo"): "has no logo",
        ("nothing", "--output", "x.png"): "The link nothing does not exist.",
    }
    for (code, option, name, *more), reason in wrong.items():
        status, said = shortener("links", "qr", code, option, str(tmp_path / name), *more)
        assert (status, reason in said) == (1, True), said
    assert not list(tmp_path.glob("x.*"))
