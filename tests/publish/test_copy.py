"""Copies of a finished corpus: whole, resumable, the manifest last."""

import shutil

import pytest

from pipeline.errors import BadInput, BuildFailed
from pipeline.files import file_digest
from pipeline.publish.copy import CorpusCopy
from pipeline.remote import RemoteError, Store
from pipeline.remote.settings import RemoteSettings
from pipeline.shard.manifest import Manifest
from support.crawl import run

SETTINGS = RemoteSettings(max_wait_s=0.01, tries=12, block_bytes=4096)


def names(copy: CorpusCopy) -> list[str]:
    return [file.path for file in copy.missing]


def test_a_copy_on_s3_is_whole_and_sent_once(corpus, s3, faulty_s3, tmp_path):
    manifest = Manifest.load(corpus)
    copy = CorpusCopy(manifest, "s3://bucket/small/", Store(SETTINGS), full=True)
    assert names(copy)[: len(manifest.shards)] == [shard.path for shard in manifest.shards]
    sent: list[int] = []
    copy.run(sent.append)
    assert sent[-1] == copy.missing_bytes == copy.total_bytes
    assert {"busy", "drop"} <= {fault for *_, fault in faulty_s3}
    s3.get("bucket/small", str(tmp_path / "back"), recursive=True)
    back = Manifest.load(tmp_path / "back")
    assert back.verify(full=True) == []
    assert back.shard_paths() != []

    assert names(CorpusCopy(manifest, "s3://bucket/small", Store(SETTINGS), full=True)) == []
    shard = manifest.shards[1].path
    s3.pipe_file(f"bucket/small/{shard}", b"?" * manifest.shards[1].bytes)
    s3.rm(f"bucket/small/{manifest.shards[0].path}")
    assert names(CorpusCopy(manifest, "s3://bucket/small", Store(SETTINGS))) == [manifest.shards[0].path]
    again = CorpusCopy(manifest, "s3://bucket/small", Store(SETTINGS), full=True)
    assert names(again) == [manifest.shards[0].path, shard]
    again.run()
    assert s3.cat_file(f"bucket/small/{shard}") == (corpus / shard).read_bytes()


def test_a_copy_that_ends_early_has_no_manifest(corpus, s3, monkeypatch):
    store = Store(SETTINGS)
    copy = CorpusCopy(Manifest.load(corpus), "s3://bucket/small", store)
    put, allowed = store.put, iter(range(2))

    def put_two(path, uri):
        if next(allowed, None) is None:
            raise RemoteError("the network is gone")
        put(path, uri)

    monkeypatch.setattr(store, "put", put_two)
    with pytest.raises(RemoteError):
        copy.run()
    assert not s3.exists("bucket/small/manifest.json")
    rest = CorpusCopy(Manifest.load(corpus), "s3://bucket/small", Store(SETTINGS))
    assert len(rest.missing) == len(rest.files) - 2
    rest.run()
    assert s3.cat_file("bucket/small/manifest.json") == (corpus / "manifest.json").read_bytes()


def test_the_command_copies_to_a_folder_with_stages(corpus, tmp_path):
    done = run("copy", corpus, tmp_path / "copy", "--stages", "--full", "--quiet")
    assert done.returncode == 0, done.stderr
    trace = run("trace", tmp_path / "copy", "https://m0.test/0")
    assert "in 04-shard-" in trace.stdout
    files = [path.relative_to(tmp_path / "copy") for path in (tmp_path / "copy").rglob("*") if path.is_file()]
    assert all(file_digest(corpus / path) == file_digest(tmp_path / "copy" / path) for path in files)
    again = run("copy", corpus, tmp_path / "copy", "--stages", "--quiet")
    assert f"0 files sent (0 bytes), {len(files) - 1} there before; sizes checked" in again.stdout


def test_what_cannot_be_copied_is_one_line(corpus, s3, tmp_path):
    manifest = Manifest.load(corpus)
    with pytest.raises(BadInput, match="web servers take no files"):
        CorpusCopy(manifest, "https://example.org/x", Store(SETTINGS))
    with pytest.raises(BadInput, match=r"s3://no-such-bucket/x: .*create the bucket"):
        CorpusCopy(manifest, "s3://no-such-bucket/x", Store(SETTINGS)).run()
    shutil.copytree(corpus, tmp_path / "broken")
    (tmp_path / "broken" / manifest.shards[0].path).unlink()
    with pytest.raises(BuildFailed, match="missing"):
        CorpusCopy(Manifest.load(tmp_path / "broken"), "s3://bucket/x", Store(SETTINGS))
