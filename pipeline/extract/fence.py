"""Pages are analysed in a child process that may hang, crash or run out of memory without harm to the build."""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import IO, Any

import psutil

from pipeline.extract.page import AnalyserSettings, Analysis, PageInput, Refused, TextInput

CHILD = [sys.executable, "-m", "pipeline.extract.analyse"]
"""The command of the child. A fresh interpreter, not a fork: it shall share nothing with the build but two pipes."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""A task is one core's worth of work; and sums made by several threads may differ in their last digits."""
_MAX_KILLS = 3
_RECYCLE_RSS_BYTES = 700 << 20


class Fence:
    """Runs an `Analyser` in a child. A page that kills its child is tried once more, alone in a fresh one.

    A second death is recorded: `timeout` (its CPU time ran out) or `worker_crash`, both nondeterministic. SIGKILL is
    never the page's doing (the kernel, short of memory, or a person sends it), so it is never a drop.
    """

    def __init__(self, settings: AnalyserSettings) -> None:
        self._settings = settings
        self._child: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """End the child; a later page starts another."""
        self._end_child()

    def analyse(self, pages: Sequence[PageInput | TextInput]) -> list[Analysis | Refused]:
        """One result per page, in order.

        Raises:
            OSError: the child was killed from outside (SIGKILL) again and again.
        """
        results: list[Analysis | Refused] = []
        kills = 0
        while len(results) < len(pages):
            failed = False
            for answer in self._run(pages[len(results) :]):
                if failed := isinstance(answer, str):
                    break
                results.append(answer)
            if len(results) == len(pages):
                break
            if not failed and self._end_child() == -signal.SIGKILL:
                kills += 1
                if kills >= _MAX_KILLS:
                    raise OSError(f"the extraction worker was killed (SIGKILL) {kills} times: is memory short?")
            else:
                results.append(self._alone(pages[len(results)]))
        if self._child is not None and psutil.Process(self._child.pid).memory_info().rss > _RECYCLE_RSS_BYTES:
            self._end_child()
        return results

    def _alone(self, page: PageInput | TextInput) -> Analysis | Refused:
        """The second and last try of a page that failed: by itself, in a fresh child."""
        for _ in range(_MAX_KILLS):
            self._end_child(kill=True)
            answers = list(self._run([page]))
            if answers:
                answer = answers[0]
                return answer if not isinstance(answer, str) else Refused("worker_crash", answer, True)
            code = self._end_child()
            if code == -signal.SIGXCPU:
                return Refused("timeout", f"over {self._settings.cpu_limit_s} s of CPU time", True)
            if code != -signal.SIGKILL:
                name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
                return Refused("worker_crash", name, True)
        raise OSError(f"the extraction worker was killed (SIGKILL) {_MAX_KILLS} times on {page.url[:200]}")

    def _run(self, pages: Sequence[PageInput | TextInput]) -> Iterator[Any]:
        """Send pages to the child and yield its answers until all are there or it died."""
        child = self._child or self._start()
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            _send(child.stdin, list(pages))
        except BrokenPipeError:
            return
        for _ in pages:
            try:
                yield pickle.load(child.stdout)
            except (EOFError, pickle.UnpicklingError):  # the child died, perhaps in the middle of an answer
                return

    def _start(self) -> subprocess.Popen[bytes]:
        environment = os.environ | ONE_THREAD
        self._child = child = subprocess.Popen(CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        assert child.stdin is not None
        _send(child.stdin, self._settings)
        return child

    def _end_child(self, kill: bool = False) -> int:
        """End the child, if any, and return its exit code: an idle one by closing its input, a busy one by `kill`."""
        child, self._child = self._child, None
        if child is None:
            return 0
        if kill:
            child.kill()
        assert child.stdin is not None
        assert child.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it is dead already, with a batch unread
            child.stdin.close()
        child.stdout.close()
        return child.wait()


def _send(pipe: IO[bytes], value: Any) -> None:
    pickle.dump(value, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()
