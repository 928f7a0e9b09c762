import pytest

from pipeline.errors import BadInput
from pipeline.inputs import input_files
from pipeline.recipe import load_recipe


@pytest.fixture
def crawl(tmp_path):
    folder = tmp_path / "crawl"
    (folder / "deep").mkdir(parents=True)
    for name in ("b.warc.gz", "a.warc", "deep/c.arc.gz", "notes.txt"):
        (folder / name).write_bytes(name.encode())
    return folder


def files(tmp_path, inputs, **keys):
    path = tmp_path / "r.yaml"
    extra = "".join(f"{key}: {value}\n" for key, value in keys.items())
    path.write_text(f"name: x\ninputs: {inputs}\n{extra}")
    return input_files(load_recipe(path))


def test_a_folder_gives_its_warc_files_by_name(tmp_path, crawl):
    found = files(tmp_path, "[crawl]")
    assert [file.name for file in found] == ["a.warc", "b.warc.gz", "deep/c.arc.gz"]
    assert [file.bytes for file in found] == [6, 9, 13]


def test_a_glob_is_relative_to_its_fixed_folder(tmp_path, crawl):
    assert [file.name for file in files(tmp_path, "['crawl/**/*.gz']")] == ["b.warc.gz", "deep/c.arc.gz"]
    assert [file.name for file in files(tmp_path, f"['{crawl}/deep/*']")] == ["c.arc.gz"]


def test_input_root_names_files_from_there(tmp_path, crawl):
    found = files(tmp_path, "[crawl/b.warc.gz, crawl/deep]", input_root=".")
    assert [file.name for file in found] == ["crawl/b.warc.gz", "crawl/deep/c.arc.gz"]
    with pytest.raises(BadInput, match="outside input_root"):
        files(tmp_path, "[crawl/b.warc.gz]", input_root="crawl/deep")


def test_a_file_named_twice_is_read_once(tmp_path, crawl):
    assert len(files(tmp_path, "[crawl, crawl/a.warc]")) == 3


def test_two_files_of_one_name_are_refused(tmp_path, crawl):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.warc").touch()
    with pytest.raises(BadInput, match=r"would both be called a\.warc; set input_root"):
        files(tmp_path, "[crawl, other]")


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ("[nowhere]", "inputs.0.path: 'nowhere': matches no file; correct the path"),
        ("[crawl/a.warc, 'crawl/*.zip']", "inputs.1.path: 'crawl/.*': matches no file; correct the pattern"),
        ("[crawl/notes.txt]", "notes.txt is not a kind that mathmill reads by suffix; add `kind: warc`"),
    ],
)
def test_bad_inputs_are_one_line(tmp_path, crawl, inputs, expected):
    with pytest.raises(BadInput, match=expected):
        files(tmp_path, inputs)


def test_kind_reads_a_file_of_any_name(tmp_path, crawl):
    assert [file.name for file in files(tmp_path, "[{path: crawl/notes.txt, kind: warc}]")] == ["notes.txt"]


def test_identity_follows_name_size_and_both_ends(tmp_path, crawl):
    large = crawl / "a.warc"
    large.write_bytes(bytes(3 << 20))
    before = {file.name: file.identity for file in files(tmp_path, "[crawl]")}
    with large.open("r+b") as file:
        file.seek((3 << 20) - 1)
        file.write(b"!")
    after = {file.name: file.identity for file in files(tmp_path, "[crawl]")}
    assert {name for name in before if before[name] != after[name]} == {"a.warc"}


def test_an_unreadable_file_is_listed(tmp_path, crawl):
    (crawl / "gone.warc").symlink_to(tmp_path / "nowhere")
    gone = files(tmp_path, "[crawl]")[-1]
    assert (gone.name, gone.bytes) == ("gone.warc", 0)
