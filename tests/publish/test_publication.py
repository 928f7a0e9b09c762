"""A corpus on the Hub: whole, each byte sent once, the manifest never before its shards."""

import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest

from pipeline.errors import BuildFailed
from pipeline.publish import publication
from pipeline.publish.hub import HubRepo
from pipeline.publish.publication import Publication
from pipeline.remote.settings import RemoteSettings
from pipeline.shard.manifest import Manifest
from support.crawl import command, run
from support.hub import FakeHub, point_at
from support.hub_xet import XetHub

QUICK = RemoteSettings(max_wait_s=0.01)


def publish(corpus: Path, name: str = "lab/small", **options):
    made = Publication(Manifest.load(corpus), HubRepo(name, options.pop("revision", "main"), QUICK), **options)
    return made.run()


def data_of(corpus: Path) -> dict[str, bytes]:
    """Shards and lists, by path."""
    manifest = Manifest.load(corpus)
    paths = [*(shard.path for shard in manifest.shards), manifest.inputs.path, manifest.ledgers.path]
    return {path: (corpus / path).read_bytes() for path in paths}


def published(corpus: Path) -> dict[str, bytes]:
    """All files of a published corpus but the card."""
    return data_of(corpus) | {name: (corpus / name).read_bytes() for name in ("manifest.json", "report.html")}


def without_card(files: dict[str, bytes]) -> dict[str, bytes]:
    return {path: data for path, data in files.items() if path != "README.md"}


def sent(hub: FakeHub) -> list[str]:
    """Addresses of the objects that arrived, once for each time."""
    return sorted(request.path for request in hub.log if request.kind == "lfs_put" and request.status == 200)


def test_the_data_come_in_commits_before_the_manifest(hub, corpus, monkeypatch):
    monkeypatch.setattr(publication, "FILES_OF_A_COMMIT", 2)
    made = publish(corpus, private=True, license="odc-by")
    repo, data = hub.repos["dataset", "lab/small"], data_of(corpus)
    assert repo.private
    assert without_card(hub.files("lab/small")) == published(corpus)
    *parts, last = repo.history()[1:]
    assert [path for part in parts for path in part.changed] == list(data)
    assert all(len(part.changed) <= 2 for part in parts)
    assert last.changed == ("README.md", "manifest.json", "report.html")
    assert (made.commit, made.sent, made.deleted) == (last.oid, len(data), 0)

    before = len(hub.log)
    again = publish(corpus)
    assert (again.commit, again.sent) == (last.oid, 0)
    assert {request.kind for request in hub.log[before:]} == {"info", "tree", "resolve", "validate"}
    assert b"license: odc-by" in hub.files("lab/small")["README.md"]


def test_by_xet(corpus, monkeypatch, tmp_path):
    """The way that bytes take today: the library's own client, here into a folder."""
    with XetHub(tmp_path / "store") as hub:
        point_at(hub, monkeypatch, tmp_path, xet=True)
        publish(corpus)
        assert without_card(hub.files("lab/small")) == published(corpus)
        assert {"lfs_batch", "lfs_put"}.isdisjoint(request.kind for request in hub.log)
        before = len(hub.log)
        publish(corpus)
        assert {request.kind for request in hub.log[before:]} == {"info", "tree", "resolve", "validate"}


def test_load_dataset_gives_the_corpus(hub, corpus, tmp_path):
    publish(corpus)
    loaded = datasets.load_dataset("lab/small", split="train", cache_dir=str(tmp_path))
    rows = [row for path in Manifest.load(corpus).shard_paths() for row in pq.read_table(path).to_pylist()]
    assert loaded.to_list() == rows


def test_a_newer_corpus_takes_the_place_of_the_former(hub, corpus, newer):
    publish(corpus)
    hub.put("lab/small", {"LICENSE": b"free", "README.md": hub.files("lab/small")["README.md"] + b"\nBy hand.\n"})
    made = publish(newer)
    assert without_card(hub.files("lab/small")) == published(newer) | {"LICENSE": b"free"}
    assert made.deleted == len(data_of(corpus))
    assert hub.files("lab/small")["README.md"].endswith(b"\nBy hand.\n")
    *_, parts, last = hub.repos["dataset", "lab/small"].history()
    assert set(parts.changed) == set(data_of(newer))
    assert set(last.changed) == {"README.md", "manifest.json", "report.html", *data_of(corpus)}


def test_a_branch_of_its_own(hub, corpus):
    hub.put("lab/small", {"README.md": b"# By hand\n"}, private=True)
    publish(corpus, revision="v2")
    assert hub.files("lab/small") == {"README.md": b"# By hand\n"}
    assert without_card(hub.files("lab/small", "v2")) == published(corpus)
    assert hub.files("lab/small", "v2")["README.md"].startswith(b"---\n")


def test_a_shard_that_changes_in_place_takes_the_manifest_along(hub, corpus, monkeypatch):
    """Else a reader would find the former manifest beside shards that are not its own."""
    publish(corpus)
    shard = Manifest.load(corpus).shards[0]
    hub.put("lab/small", {shard.path: b"another"})
    hub.fail("commit", "", 400)
    with pytest.raises(BuildFailed, match="400"):
        publish(corpus)
    assert "manifest.json" not in hub.files("lab/small")
    publish(corpus)
    assert without_card(hub.files("lab/small")) == published(corpus)


def test_transient_errors_cost_nothing_twice(hub, corpus, monkeypatch):
    monkeypatch.setattr(publication, "FILES_OF_A_COMMIT", 3)
    hub.fail("info", 503, "drop")
    hub.fail("create", 429)
    hub.fail("tree", 500)
    hub.fail("commit", 503, "lost", "", "lost")
    hub.fail("lfs_put", 503, "lost")
    made = publish(corpus)
    repo = hub.repos["dataset", "lab/small"]
    assert without_card(hub.files("lab/small")) == published(corpus)
    assert made.commit == repo.branches["main"]
    changed = [path for part in repo.history()[1:] for path in part.changed]
    assert sorted(changed) == sorted(hub.files("lab/small")), "no commit was made twice"
    assert len(sent(hub)) == len(set(sent(hub))) + 1, "but the object whose answer was lost"


@pytest.mark.parametrize(("kind", "number"), [("lfs_put", 3), ("commit", 1), ("commit", 2)])
def test_a_kill_and_the_same_command(hub, corpus, kind, number):
    child: list[subprocess.Popen[bytes]] = []
    started, seen = threading.Event(), []

    def kill(asked: str) -> None:
        seen.append(asked)
        if asked == kind and seen.count(kind) == number:
            assert started.wait(10)
            child[0].kill()
            child[0].wait()

    hub.on_request = kill
    hub.fail(kind, *[""] * (number - 1), "drop")
    child.append(subprocess.Popen(command("publish", corpus, "lab/small", "--quiet"), stderr=subprocess.PIPE))
    started.set()
    assert child[0].communicate()[1] == b""
    assert child[0].returncode == -signal.SIGKILL
    hub.on_request = lambda asked: None
    assert set(hub.files("lab/small")) == (set(data_of(corpus)) if (kind, number) == ("commit", 2) else set())
    publish(corpus)
    assert without_card(hub.files("lab/small")) == published(corpus)
    assert len(sent(hub)) == len(set(sent(hub)))


def test_ctrl_c_ends_at_once_though_uploads_hang(hub, corpus):
    child: list[subprocess.Popen[bytes]] = []
    started = threading.Event()

    def interrupt(asked: str) -> None:
        if asked == "lfs_put":
            assert started.wait(10)
            child[0].send_signal(signal.SIGINT)
            child[0].wait()

    hub.on_request = interrupt
    child.append(subprocess.Popen(command("publish", corpus, "lab/small", "--quiet"), stderr=subprocess.PIPE))
    started.set()
    assert child[0].communicate()[1] == b"mathmill: interrupted; the same command goes on from here\n"
    assert child[0].returncode == 130


def test_somebody_else_writes_meanwhile(hub, corpus):
    def write(asked: str) -> None:
        if asked == "commit" and hub.count("commit") == 1:
            hub.put("lab/small", {"theirs": b"1"})

    hub.on_request = write
    with pytest.raises(BuildFailed, match="somebody else wrote to it meanwhile; run the same command again"):
        publish(corpus)
    assert "manifest.json" not in hub.files("lab/small")
    hub.on_request = lambda asked: None
    publish(corpus)
    assert without_card(hub.files("lab/small")) == published(corpus) | {"theirs": b"1"}


def test_a_shard_with_other_bytes_is_never_committed(hub, corpus, tmp_path):
    broken = Path(shutil.copytree(corpus, tmp_path / "broken"))
    path = broken / Manifest.load(broken).shards[1].path
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(BuildFailed, match=rf"{path.name}: sha256 does not match the manifest"):
        publish(broken)
    assert hub.files("lab/small") == {}
    path.unlink()
    with pytest.raises(BuildFailed, match=rf"{path.name}: missing"):
        publish(broken)


def test_the_command_plans_and_publishes(hub, corpus):
    plan = run("publish", corpus, "lab/small", "--plan")
    assert plan.stdout.splitlines()[0] == f"{hub.address}/datasets/lab/small, branch main (new)"
    data = data_of(corpus)
    size = sum(map(len, data.values()))
    assert f"0 there already; {len(data)} to send, {size:,} bytes, in 1 commit(s)" in plan.stdout
    assert hub.repos == {}
    done = run("publish", corpus, "lab/small", "--message", "a first try")
    commit = hub.repos["dataset", "lab/small"].history()[-1]
    assert done.stdout.splitlines() == [
        f"{hub.address}/datasets/lab/small: commit {commit.oid}",
        f"  {len(data)} files of data sent, 0 there before, 0 of former corpora deleted",
        f'  load_dataset("lab/small", revision="{commit.oid}")',
        f"  mathmill verify hf://datasets/lab/small@{commit.oid}",
    ]
    assert commit.message == "a first try"
    assert os.environ["HF_TOKEN"] not in done.stdout + done.stderr + plan.stdout + plan.stderr
    assert run("verify", f"hf://datasets/lab/small@{commit.oid}").stdout.startswith("small: ")
