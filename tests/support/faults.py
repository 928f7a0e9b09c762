"""Servers that misbehave on purpose: a file server and a proxy in front of an S3 server, both with a plan of faults."""

import http.client
import itertools
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

SLOW_DOWN = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)


class Handler(BaseHTTPRequestHandler):
    """Answers as `answer` says, but for the faults: `busy` (503), `cut` (half of the body), `drop` (no answer)."""

    protocol_version = "HTTP/1.1"
    faults: ClassVar[Iterator[str]]
    log: ClassVar[list[tuple[str, str, str, str]]] = []
    """Method, path, Range and fault of every request."""
    lock = threading.Lock()

    def answer(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        raise NotImplementedError

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.lock:
            fault = next(self.faults)
            self.log.append((self.command, self.path, self.headers.get("Range", ""), fault))
        if fault == "drop":
            self.close_connection = True
            return
        status, headers, data = (503, {}, SLOW_DOWN) if fault == "busy" else self.answer(body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if fault == "cut" else data)
        self.close_connection = self.close_connection or fault == "cut"

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


class FileHandler(Handler):
    """Files of `folder`, with ETag, Range and If-Match; without Range where `ranges` is False."""

    folder: ClassVar[Path]
    ranges: ClassVar[bool] = True

    def answer(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        path = self.folder / unquote(urlsplit(self.path).path).lstrip("/")
        if not path.is_file():
            return 404, {}, b"not found"
        data, tag = path.read_bytes(), f'"{path.stat().st_mtime_ns:x}"'
        if self.headers.get("If-Match", tag) != tag:
            return 412, {}, b"changed"
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if match and self.ranges:
            start, end = int(match[1]), int(match[2]) + 1
            return 206, {"ETag": tag, "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"}, data[start:end]
        return 200, {"ETag": tag, "Content-Length": str(len(data))}, data


class ProxyHandler(Handler):
    """Passes every request on to `upstream` (host, port)."""

    upstream: ClassVar[tuple[str, int]]

    def answer(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(*self.upstream)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        connection.request(self.command, self.path, body, headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        hop = ("connection", "transfer-encoding", "server", "date")
        return response.status, {n: v for n, v in response.getheaders() if n.lower() not in hop}, data


@contextmanager
def serve(kind: type[Handler], faults: Iterable[str] = (), **settings: object) -> Iterator[tuple[str, type[Handler]]]:
    """Run a server on a free port: its address, and the handler class with its `log`. After `faults` all is well."""
    plan = itertools.chain(faults, itertools.repeat(""))
    handler = type(kind.__name__, (kind,), {"faults": plan, "log": [], **settings})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
