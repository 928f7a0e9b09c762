"""Which pages an argument names, and what their outputs are called."""

from pathlib import Path

import pytest

from pipeline.errors import BadInput
from pipeline.extract.batch.sources import sources


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_a_folder_gives_its_pages_in_order(tmp_path):
    touch(tmp_path, "b.html", "a.HTM", "deep/er/c.xhtml", "notes.txt", "image.png", "html")
    pages = sources(str(tmp_path))
    assert pages.many
    assert [page.name for page in pages.found] == ["a.HTM", "b.html", "deep/er/c.xhtml"]
    assert [page.stem for page in pages.found] == ["a.HTM", "b.html", "deep/er/c.xhtml"]
    assert pages.found[2].where == f"{tmp_path}/deep/er/c.xhtml"


def test_links_to_folders_are_not_followed(tmp_path):
    touch(tmp_path, "a.html")
    (tmp_path / "again").symlink_to(tmp_path)
    assert [page.name for page in sources(str(tmp_path)).found] == ["a.html"]


def test_a_list_gives_its_lines_once(tmp_path):
    listed = tmp_path / "pages.txt"
    listed.write_text(
        "\ufeff# pages\nhttps://example.org/a?b=1\n\n sub/x.html \nhttps://example.org/a?b=1\nftp://h/y\n"
    )
    pages = sources(str(listed)).found
    assert [page.name for page in pages] == ["https://example.org/a?b=1", "sub/x.html", "ftp://h/y"]
    assert [page.where for page in pages] == [f"{listed}:{line}" for line in (2, 4, 6)]
    assert [page.path for page in pages] == [None, tmp_path / "sub/x.html", None]
    assert pages[0].stem == "example-org-a-b-1-94607706d6133edb"


def test_names_do_not_collide_whatever_the_pages(tmp_path):
    listed = tmp_path / "pages.txt"
    listed.write_text(
        "http://h/a/b\nhttp://h/a-b\nhttps://h/a/b\nhttp://H/a/b\nh/a/b\nhttp://h/é\nhttp://h/ü\n../x\nx\n"
    )
    stems = [page.stem for page in sources(str(listed)).found]
    assert len({stem.lower() for stem in stems}) == 9
    assert all("/" not in stem and ".." not in stem for stem in stems)


def test_names_that_are_long_or_not_utf8_become_file_names(tmp_path):
    touch(tmp_path, "x" * 248 + ".html", "y" * 248 + ".html")
    Path(tmp_path.as_posix() + "/caf\udce9.html").touch()
    pages = sources(str(tmp_path)).found
    assert pages[0].name == "caf\\xe9.html"
    assert all(len(page.stem) <= 120 for page in pages[1:])
    assert all(page.path.is_file() for page in pages)


def test_one_page(tmp_path):
    touch(tmp_path, "page.php")
    page = sources(str(tmp_path / "page.php"), "https://example.org/")
    assert not page.many
    assert (page.found[0].stem, page.found[0].url) == ("page.php", "https://example.org/")
    assert sources("https://example.org/x.txt").found[0].path is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "none.html", "no such file; give an HTML file, a folder, a list"),
        (lambda folder: folder, "no page in it; put .htm, .html, .xhtml files there"),
        (
            lambda folder: write(folder / "l.txt", b"# only a comment\n"),
            "no page in it; write one URL or path per line",
        ),
        (lambda folder: write(folder / "l.txt", b"caf\xe9\n"), "not UTF-8 (byte 3)"),
    ],
)
def test_bad_arguments(tmp_path, make, message):
    with pytest.raises(BadInput, match=message.replace("(", r"\(").replace(")", r"\)")):
        sources(str(make(tmp_path)))


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_where_a_page_came_from_is_said_of_one_file(tmp_path):
    touch(tmp_path, "a.html")
    with pytest.raises(BadInput, match="--url https://x/: says where one file came from"):
        sources(str(tmp_path), "https://x/")
