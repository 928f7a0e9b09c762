"""What a recipe's addresses and path lists stand for."""

import gzip
import subprocess
import sys

import pytest

from pipeline.errors import BadInput
from pipeline.inputs import input_files
from pipeline.recipe import load_recipe
from pipeline.remote import RefusedError
from support.faults import FileHandler, serve


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def read(inputs, **keys):
        path = tmp_path / "r.yaml"
        extra = "".join(f"{key}: {value}\n" for key, value in keys.items())
        path.write_text(f"name: x\ninputs: {inputs}\nremote: {{max_wait_s: 0.01, tries: 2}}\n{extra}")
        return input_files(load_recipe(path))

    return read


@pytest.fixture
def bucket(s3):
    for name in ("a.warc.gz", "deep/b.warc", "deep/c.arc.gz", "deep/notes.txt"):
        s3.pipe_file(f"bucket/crawl/{name}", name.encode())
    return s3


@pytest.fixture
def crawl(tmp_path):
    """A web server's folder, laid out as Common Crawl's."""
    names = [f"crawl-data/CC-MAIN-2024-10/segments/{n}/warc/{n}.warc.gz" for n in range(5)]
    for name in names:
        (tmp_path / "web" / name).parent.mkdir(parents=True)
        (tmp_path / "web" / name).write_bytes(name.encode())
    listing = "".join(f"{name}\n" for name in names).encode()
    (tmp_path / "web" / "crawl-data" / "CC-MAIN-2024-10" / "warc.paths.gz").write_bytes(gzip.compress(listing))
    return tmp_path / "web", names


def test_folders_globs_and_files_on_s3(files, bucket):
    found = files("['s3://bucket/crawl/']")
    assert [file.name for file in found] == [
        f"s3://bucket/crawl/{n}" for n in ("a.warc.gz", "deep/b.warc", "deep/c.arc.gz")
    ]
    assert [file.bytes for file in found] == [9, 11, 13]
    named = files("['s3://bucket/crawl/*/*.arc.gz', 's3://bucket/crawl/a.warc.gz']", input_root="s3://bucket/crawl")
    assert [file.name for file in named] == ["a.warc.gz", "deep/c.arc.gz"]
    assert [file.location for file in named] == ["s3://bucket/crawl/a.warc.gz", "s3://bucket/crawl/deep/c.arc.gz"]


def test_identity_follows_the_content(files, bucket):
    before = {file.name: file.identity for file in files("['s3://bucket/crawl/']")}
    bucket.pipe_file("bucket/crawl/deep/b.warc", b"DEEP/b.warc")
    after = {file.name: file.identity for file in files("['s3://bucket/crawl/']")}
    assert {name for name in before if before[name] != after[name]} == {"s3://bucket/crawl/deep/b.warc"}


def test_a_crawl_id_with_a_range(files, crawl):
    with serve(FileHandler, folder=crawl[0]) as (address, _):
        entry = f"[{{path: CC-MAIN-2024-10, base: '{address}', first: 1, count: 3}}]"
        found = files(entry, input_root=address)
        assert [file.name for file in found] == crawl[1][1:4]
        assert [file.location for file in found] == [f"{address}/{name}" for name in crawl[1][1:4]]
        assert [file.name for file in files(entry)] == [f"{address}/{name}" for name in crawl[1][1:4]]
        with pytest.raises(BadInput, match="first 5: the list has 5 entries; lower first"):
            files(f"[{{path: CC-MAIN-2024-10, base: '{address}', first: 5}}]")


def test_a_local_list_of_local_files_keeps_the_names_of_the_crawl(files, crawl):
    listing = crawl[0] / "crawl-data" / "CC-MAIN-2024-10" / "warc.paths.gz"
    assert [file.name for file in files(f"[{{path: '{listing}', base: '{crawl[0]}'}}]")] == crawl[1]
    (crawl[0] / "list.txt").write_text("\n".join(crawl[1][:2]) + "\n\n")
    assert len(files(f"[{{path: '{crawl[0]}/list.txt', kind: paths, base: '{crawl[0]}'}}]")) == 2


def test_bad_inputs_are_one_line(files, bucket, crawl, tmp_path):
    (tmp_path / "broken.paths.gz").write_bytes(b"\x1f\x8b no")
    for inputs, expected in (
        ("['s3://bucket/none.warc']", "inputs.0.path: 's3://bucket/none.warc': matches no file; correct the address"),
        ("['s3://bucket/none/']", "matches no file; put WARC, ARC, Parquet, JSON lines or HTML files there"),
        ("['s3://bucket/crawl/deep/notes.txt']", "notes.txt is not a kind that mathmill reads by suffix"),
        ("['https://h.test/folder/']", "web servers do not list their files; name each file, or give a path list"),
        ("['foo://bucket/a.warc']", "Protocol not known: foo; use s3://, https:// or a local path"),
        ("[broken.paths.gz]", "not a path list: "),
        ("[none.paths]", "No such file or directory: none.paths; correct the path"),
    ):
        with pytest.raises(BadInput) as raised:
            files(inputs)
        assert expected in str(raised.value)
        assert "\n" not in str(raised.value)


def test_a_missing_package_names_the_command(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text("name: x\ninputs: ['s3://bucket/a.warc']\n")
    program = "import sys; sys.modules['s3fs'] = None; import mathmill; mathmill.main()"
    ended = subprocess.run(
        [sys.executable, "-c", program, "build", recipe], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.endswith("s3://bucket/a.warc: Install s3fs to access S3; pip install 'mathmill[remote]'\n")


def test_refusal_is_an_error_and_not_a_missing_file(files, crawl, monkeypatch):
    monkeypatch.setattr(FileHandler, "answer", lambda self, body: (403, {}, b"no"))
    with serve(FileHandler, folder=crawl[0]) as (address, _):
        with pytest.raises(BadInput, match=r"access denied: 403.*check credentials, or remote.anonymous"):
            files(f"['{address}/a.warc']")
        (crawl[0] / "l.paths").write_text(f"{address}/a.warc\n")
        with pytest.raises(RefusedError):
            files(f"['{crawl[0]}/l.paths']")
