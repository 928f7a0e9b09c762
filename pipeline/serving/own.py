"""A model server that the stage starts on its own node, waits for, and ends with itself."""

import contextlib
import os
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from pipeline.serving.client import ServerGone
from pipeline.serving.settings import ServedModel

_KEEPER = Path(__file__).with_name("keeper.py")
_POLL_S = 0.25
_LOG_LINES = 3


class OwnServer:
    """A running server. It ends with `close`, and however this process ends (see `keeper`)."""

    def __init__(self, command: str, *, values: dict[str, str], health: str, start_timeout_s: float, log: Path) -> None:
        """Start `command` (`{port}` and the keys of `values` filled in) and wait until `health` answers with 200.

        Raises:
            ServerGone: it ended, or was not ready in time.
        """
        self._port = _free_port()
        self._log = log
        words = [_filled(word, values | {"port": str(self._port)}) for word in shlex.split(command)]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._keeper = subprocess.Popen(
                [sys.executable, str(_KEEPER), *words],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | {"HOST": "127.0.0.1"},
            )
        try:
            self._wait(f"http://127.0.0.1:{self._port}{health}", start_timeout_s)
        except BaseException:
            self.close()
            raise

    def url(self) -> str:
        """The base URL of the server; raises ServerGone when it has ended."""
        if (code := self._keeper.poll()) is not None:
            raise ServerGone(f"the model server ended with code {code}{self._last_words()}; log: {self._log}")
        return f"http://127.0.0.1:{self._port}/v1"

    def close(self) -> None:
        """End the server and everything it started."""
        assert self._keeper.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._keeper.stdin.close()
        self._keeper.wait()

    def _wait(self, url: str, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            self.url()
            try:
                with urllib.request.urlopen(url, timeout=5) as response:
                    if response.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                pass  # not listening yet
            if time.monotonic() > deadline:
                raise ServerGone(
                    f"the model server did not answer {url} in {timeout_s:.0f} s{self._last_words()}; log: {self._log}"
                )
            time.sleep(_POLL_S)

    def _last_words(self) -> str:
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return f": {' | '.join(lines[-_LOG_LINES:])[-300:]}" if lines else ""


def start_server(model: ServedModel, log: Path) -> OwnServer:
    """Start the server that the settings of a model describe; raises ServerGone as `OwnServer` does."""
    assert model.server is not None
    return OwnServer(
        model.server.command,
        values={"model": model.model or "", "revision": model.revision or "main"},
        health=model.server.health,
        start_timeout_s=model.server.start_timeout_s,
        log=log,
    )


def _filled(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace("{" + name + "}", value)
    return word


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
