"""Grading of whole batches: what arithmetic decides at once, the rest in worker processes that can be killed.

Workers are started as `python -m training.rl.grade_worker`, so that grading works from a notebook, a thread, standard
input or a script without a main guard. A worker that does not answer is killed and replaced.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import NamedTuple

from training.rl.answer_form import answer_form
from training.rl.equivalence import compare, same_words
from training.rl.final_answer import final_answer

MAX_ANSWER_CHARS = 2000
"""A longer answer is equal only to its own spelling."""
MAX_DEPTH = 50
"""Brackets in brackets: a deeper answer is equal only to its own spelling. Parsers take seconds to fail on one."""
LIMIT_S = 5.0
"""CPU seconds for one pair."""
_KILL_FACTOR = 4
"""Wall time, in CPU limits, after which a worker that does not answer is killed: a busy machine must not time out."""


class Grade(NamedTuple):
    """The verdict on one response: `correct, status, seconds = grade`, or by name.

    `status`: `ok`; `no_answer` (the response states none), `bad_gold` (the gold is empty: an error in the data),
    `too_long`, `too_deep`, `timeout`, `memory`, `crash`, `error: NAME`. Only `ok` can be correct. `seconds` of CPU for
    a symbolic comparison, of wall time otherwise.
    """

    correct: bool
    status: str
    seconds: float


class GradingPool:
    """Worker processes for symbolic comparison. One pool may be used from several threads; `close` ends the workers.

    Args:
        workers: processes at most; they start when first needed.
        limit_s: CPU seconds for one pair.
    """

    def __init__(self, workers: int = 2, limit_s: float = LIMIT_S) -> None:
        if workers < 1 or limit_s <= 0:
            raise ValueError(f"workers {workers}, limit_s {limit_s}: both have to be positive")
        self.limit_s = limit_s
        self._workers = workers
        self._idle: list[subprocess.Popen[str]] = []
        self._lock = threading.Lock()

    def compare(self, pairs: Sequence[tuple[str, str]]) -> list[Grade]:
        """Grades of (gold, answer) pairs, in order."""
        grades: list[Grade | None] = [None] * len(pairs)
        waiting = deque(range(len(pairs)))
        with self._lock, DefaultSelector() as selector:
            running: dict[int, tuple[subprocess.Popen[str], int, float]] = {}
            while waiting or running:
                while waiting and len(running) < self._workers:
                    worker, place = self._worker(), waiting.popleft()
                    assert worker.stdin is not None
                    assert worker.stdout is not None
                    try:
                        print(json.dumps(pairs[place]), file=worker.stdin, flush=True)
                    except BrokenPipeError:  # it died idle: nobody's answer is lost
                        self._end(worker)
                        waiting.appendleft(place)
                        continue
                    selector.register(worker.stdout, EVENT_READ, worker.pid)
                    running[worker.pid] = worker, place, time.monotonic()
                for key, _ in selector.select(timeout=0.2):
                    worker, place, started = running.pop(key.data)
                    selector.unregister(key.fileobj)
                    assert worker.stdout is not None
                    if line := worker.stdout.readline():
                        status, equal, seconds = json.loads(line)
                        grades[place] = Grade(equal, status, seconds)
                        self._idle.append(worker)
                    else:
                        status = "timeout" if worker.wait() == -signal.SIGXCPU else "crash"
                        grades[place] = Grade(False, status, time.monotonic() - started)
                        self._end(worker)
                for pid, (worker, place, started) in list(running.items()):
                    if time.monotonic() - started > _KILL_FACTOR * self.limit_s + 5:
                        assert worker.stdout is not None
                        selector.unregister(worker.stdout)
                        del running[pid]
                        grades[place] = Grade(False, "timeout", time.monotonic() - started)
                        self._end(worker)
        return [grade for grade in grades if grade is not None]

    def close(self) -> None:
        """End the workers."""
        with self._lock:
            while self._idle:
                self._end(self._idle.pop())

    def _worker(self) -> subprocess.Popen[str]:
        if self._idle:
            return self._idle.pop()
        root = str(Path(__file__).resolve().parents[2])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
        command = [sys.executable, "-m", "training.rl.grade_worker", str(self.limit_s)]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    @staticmethod
    def _end(worker: subprocess.Popen[str]) -> None:
        worker.kill()
        worker.wait()
        for stream in (worker.stdin, worker.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue  # what it had not read is lost with it


_shared: GradingPool | None = None
_shared_pid = 0


def shared_pool() -> GradingPool:
    """This process's own pool, made when first asked for and closed at its end."""
    global _shared, _shared_pid
    if _shared is None or _shared_pid != os.getpid():  # after a fork the parent's workers are the parent's
        _shared, _shared_pid = GradingPool(min(4, len(os.sched_getaffinity(0)))), os.getpid()
        atexit.register(_shared.close)
    return _shared


def grade_batch(
    golds: Sequence[str], responses: Sequence[str], *, last_box: bool = False, pool: GradingPool | None = None
) -> list[Grade]:
    """Grade each response against its gold answer.

    Args:
        golds: reference answers, with or without dollars and box.
        responses: whole responses; `training.rl.final_answer` says where the answer is looked for.
        last_box: OctoThinker's rule: the last box is the answer, and without one there is none.
        pool: workers to use; this process's own by default.

    Raises:
        ValueError: not as many golds as responses.
    """
    if len(golds) != len(responses):
        raise ValueError(f"{len(golds)} golds for {len(responses)} responses; give one each")
    grades: list[Grade | None] = []
    open_pairs: list[tuple[int, tuple[str, str]]] = []
    for place, (gold, response) in enumerate(zip(golds, responses, strict=True)):
        start = time.perf_counter()
        verdict = _decide(gold, response, last_box)
        if isinstance(verdict, tuple):
            open_pairs.append((place, verdict))
            grades.append(None)
        else:
            status, correct = ("ok", verdict) if isinstance(verdict, bool) else (verdict, False)
            grades.append(Grade(correct, status, time.perf_counter() - start))
    if open_pairs:
        compared = (pool or shared_pool()).compare([pair for _, pair in open_pairs])
        for (place, _), grade in zip(open_pairs, compared, strict=True):
            grades[place] = grade
    return [grade for grade in grades if grade is not None]


def _decide(gold: str, response: str, last_box: bool) -> bool | str | tuple[str, str]:
    """The verdict, the status that stands in its way, or the pair that only symbols can decide."""
    if "boxed" in gold:
        gold = final_answer(gold, last_box=True) or ""
    if not gold.strip():
        return "bad_gold"
    answer = final_answer(response, last_box)
    if answer is None or not answer.strip():
        return "no_answer"
    if len(answer) > MAX_ANSWER_CHARS or len(gold) > MAX_ANSWER_CHARS:
        return True if answer.strip() == gold.strip() else "too_long"
    if max(_depth(answer), _depth(gold)) > MAX_DEPTH:
        return True if answer.strip() == gold.strip() else "too_deep"
    if not answer_form(gold).text:
        return "bad_gold"
    decided = compare(gold, answer)
    if not decided and not last_box and same_words(gold, response.rpartition("</think>")[2]):
        return True  # a gold in words that the whole response repeats
    return (gold, answer) if decided is None else decided


def _depth(text: str) -> int:
    """The most brackets that are open at a time, closed or not."""
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth = max(0, depth - 1)
    return deepest
