"""Documents that contain a question of a benchmark, found by runs of tokens of the math-safe form.

The benchmarks are those that `mathmill evaluate` scores (manifests/tasks/). Of a question every run of `ngram` tokens
that are words by more than half is looked for: a formula alone, however long, is common property. A question that has
no such run (it is shorter, or mostly formula) is looked for whole, from eight tokens on; a shorter one is not.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import xxhash

from pipeline.benchmarks import Problem, load_problems, load_task
from pipeline.dedup.normalise import normalise
from pipeline.errors import BadInput
from pipeline.files import digest
from pipeline.recipe import Decontamination, LoadedRecipe

_ANCHOR = 8
"""Tokens at the front of a run that it is found by, and the length of the shortest one."""
_WORD = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)*")


class Questions:
    """The runs of tokens to look for, as 64-bit hashes: 20 bytes a run, since benchmarks have a million.

    Args:
        problems: (task, problem) of the benchmarks.
        ngram: tokens of a run.
    """

    def __init__(self, problems: Iterable[tuple[str, Problem]], ngram: int) -> None:
        anchors, runs, lengths, owners = list[int](), list[int](), list[int](), list[int]()
        self._names: list[str] = []
        self.num_skipped = 0
        """Questions that are too short to be looked for."""
        for task, problem in problems:
            found = question_runs(problem.question, ngram)
            self.num_skipped += not found
            for run in found:
                anchors.append(_hash(run[:_ANCHOR]))
                runs.append(_hash(run))
                lengths.append(len(run))
                owners.append(len(self._names))
            self._names.append(f"{task} {problem.id}")
        order = np.argsort(np.array(anchors, dtype=np.uint64), kind="stable")  # of equal runs the first stays first
        self._anchors = np.array(anchors, dtype=np.uint64)[order]
        self._runs = np.array(runs, dtype=np.uint64)[order]
        self._lengths = np.array(lengths, dtype=np.uint16)[order]
        self._owners = np.array(owners, dtype=np.int32)[order]
        self.digest = digest(
            [self._names, *(xxhash.xxh3_128_hexdigest(a.tobytes()) for a in (self._runs, self._owners))]
        )
        """32 hex digits of all runs and of whose they are."""

    def find(self, text: str) -> str | None:
        """The question that a text contains first, as `task id`; None if none."""
        tokens = normalise(text).split(" ")
        count = len(tokens) - _ANCHOR + 1
        if count < 1 or not len(self._anchors):
            return None
        hashes = np.array([_hash(tokens[place : place + _ANCHOR]) for place in range(count)], dtype=np.uint64)
        first, end = (np.searchsorted(self._anchors, hashes, side) for side in ("left", "right"))
        for place in np.flatnonzero(first < end):
            for entry in range(first[place], end[place]):
                if _hash(tokens[place : place + self._lengths[entry]]) == self._runs[entry]:
                    return self._names[int(self._owners[entry])]
        return None


def question_runs(question: str, ngram: int) -> list[list[str]]:
    """The runs of tokens that a question is found by; none of a question that is too short."""
    tokens = normalise(question).split(" ")
    windows = [tokens[first : first + ngram] for first in range(len(tokens) - ngram + 1)]
    runs = [run for run in windows if 2 * sum(_WORD.fullmatch(token) is not None for token in run) > ngram]
    return runs or ([tokens] if len(tokens) >= _ANCHOR else [])


def load_questions(loaded: LoadedRecipe, settings: Decontamination) -> Questions:
    """The questions of a recipe's benchmarks; read once a process.

    Raises:
        BadInput: no such task, or no file for one.
    """
    folder = loaded.resolve(settings.data)
    if not folder.is_dir():
        raise BadInput(
            f"{loaded.path}: filter.decontaminate.data: {settings.data!r}: no such folder: {folder}; correct the path"
        )
    files = sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in folder.glob("*.jsonl"))
    return _read(settings.tasks, folder, settings.ngram, tuple(files))


@lru_cache(maxsize=1)
def _read(tasks: tuple[str, ...], folder: Path, ngram: int, files: tuple[tuple[str, int, int], ...]) -> Questions:
    """`files` are the key to what stands in the folder."""
    return Questions(
        ((Path(name).stem, problem) for name in tasks for problem in load_problems(name, load_task(name), folder)),
        ngram,
    )


def _hash(tokens: Sequence[str]) -> int:
    return xxhash.xxh3_64_intdigest(" ".join(tokens))
