"""A web server of this machine, with pages for the tests of `mathmill extract`."""

import contextlib
import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Web(ThreadingHTTPServer):
    """Serves `pages`: path to (status, headers, body). Notes what was asked for; paths in `held` wait for `release`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        self.agents: set[str] = set()
        self.held: set[str] = set()
        self.waiting, self.release = threading.Event(), threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def page(self, path: str, words: str) -> str:
        """Serve a page of a sentence, a formula and `words`."""
        html = f"<main><p>The square of a number is written \\(x^2\\), and that is true of {words} too.</p></main>"
        self.pages[path] = 200, {"Content-Type": "text/html; charset=utf-8"}, html.encode()
        return self.url(path)


class _Handler(BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        web = self.server
        web.asked.append(self.path)
        web.agents.add(self.headers["User-Agent"])
        if self.path in web.held:
            web.waiting.set()
            web.release.wait(timeout=20)
        status, headers, body = web.pages.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a client that has had enough hangs up
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def _server() -> Iterator[Web]:
    web = Web()
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield web
    web.release.set()
    web.shutdown()
    thread.join()
    web.server_close()


@pytest.fixture
def web(_server: Web) -> Web:
    """The server without pages."""
    _server.pages.clear()
    _server.asked.clear()
    _server.agents.clear()
    _server.held.clear()
    _server.waiting.clear()
    _server.release.clear()
    _server.pages["/bomb"] = (
        200,
        {"Content-Type": "text/html", "Content-Encoding": "gzip"},
        gzip.compress(b"<p>" * 99999, mtime=0),
    )
    return _server
