"""The Hub of the tests answers its clients as the Hub does."""

import random
from pathlib import Path

import fsspec
import pytest
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from support.hub import READER, FakeHub, point_at


def test_what_is_sent_comes_back_by_every_way(monkeypatch, tmp_path):
    sent = {"a/b/large.bin": random.Random(0).randbytes(3_000), "README.md": b"---\ntags: [a]\n---\n", "empty.txt": b""}
    for path, data in sent.items():
        (tmp_path / "sent" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sent" / path).write_bytes(data)
    with FakeHub(page=2, part_bytes=1_000) as hub:
        point_at(hub, monkeypatch, tmp_path / "home")
        api = HfApi()
        api.create_repo("lab/all", repo_type="dataset", private=True)
        api.upload_folder(folder_path=tmp_path / "sent", repo_id="lab/all", repo_type="dataset")
        assert hub.files("lab/all") == sent
        assert [request.bytes for request in hub.log if request.kind == "lfs_put"] == [1_000, 1_000, 1_000]
        listed = {entry.path for entry in api.list_repo_tree("lab/all", repo_type="dataset", recursive=True)}
        assert listed == {*sent, "a", "a/b", ".gitattributes"}
        back = Path(snapshot_download("lab/all", repo_type="dataset"))
        assert {path: (back / path).read_bytes() for path in sent} == sent
        files = fsspec.filesystem("hf", endpoint=hub.address, skip_instance_cache=True)
        assert files.cat_file("datasets/lab/all/a/b/large.bin", 10, 20) == sent["a/b/large.bin"][10:20]


def test_rights(hub, monkeypatch):
    hub.put("lab/hidden", {"x": b"1"}, private=True)
    hub.put("lab/open", {"x": b"1"})
    monkeypatch.setenv("HF_TOKEN", READER)
    assert HfApi().repo_info("lab/open", repo_type="dataset").private is False
    with pytest.raises(RepositoryNotFoundError):
        HfApi().repo_info("lab/hidden", repo_type="dataset")
    with pytest.raises(HfHubHTTPError, match="403"):
        HfApi().upload_file(path_or_fileobj=b"2", path_in_repo="x", repo_id="lab/open", repo_type="dataset")
    assert hub.files("lab/open") == {"x": b"1"}
