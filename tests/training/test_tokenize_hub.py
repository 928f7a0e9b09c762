"""A data set of the Hub, from a small server that answers as the Hub does."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support.crawl import run
from training.tokens import TokenManifest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    f"data/{number}.jsonl": "".join(json.dumps({"text": f"Row {row} of {number}."}) + "\n" for row in range(3)).encode()
    for number in range(2)
} | {"README.md": b"# A data set\n"}


class Hub(BaseHTTPRequestHandler):
    """One data set, `o/d`, at one commit."""

    def do_GET(self):
        self._answer()

    def do_HEAD(self):
        self._answer()

    def _answer(self):
        path = self.path.partition("?")[0]
        if path.startswith("/api/datasets/o/d/revision/") or path == "/api/datasets/o/d":
            siblings = [{"rfilename": name, "size": len(content)} for name, content in FILES.items()]
            self._send(json.dumps({"id": "o/d", "sha": COMMIT, "private": False, "siblings": siblings}).encode())
        elif path.startswith(prefix := f"/datasets/o/d/resolve/{COMMIT}/") and path.removeprefix(prefix) in FILES:
            self._send(FILES[path.removeprefix(prefix)])
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _send(self, content):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_hub_data_set(hub, tmp_path, monkeypatch):
    for name, value in hub.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    arguments = ("--tokenizer", "mathmill-bpe-8k", "--out", tmp_path / "out", "--quiet", "--tasks", "1")
    result = run("tokenize", "hub:o/d", *arguments)
    assert result.returncode == 0, result.stderr
    manifest = TokenManifest.load(tmp_path / "out")
    assert manifest.verify(full=True) == []
    assert (manifest.source.kind, manifest.source.location, manifest.source.revision) == ("hub", "o/d", COMMIT)
    assert [(file.path, file.rows) for file in manifest.source.files] == [("data/0.jsonl", 3), ("data/1.jsonl", 3)]
    assert manifest.totals.documents == 6
    nothing = run("tokenize", "hub:o/d:train/*", *arguments[:2], "--out", tmp_path / "none")
    assert "none of its 3 files is train/*; correct the glob" in nothing.stderr
