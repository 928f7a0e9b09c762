"""What an evaluation found, and the results.json that keeps it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import BadInput
from pipeline.files import write_json
from training.evaluate.metrics import Estimate


@dataclass(frozen=True)
class TaskResult:
    """A task's numbers under a protocol."""

    task: str
    protocol: str
    protocol_digest: str
    problems: int
    whole: bool
    """Whether these are all problems of the benchmark."""
    samples: int
    pass_at: dict[str, Estimate]
    majority: Estimate | None
    """maj@samples; None of one sample."""
    mean_tokens: float
    at_limit: float
    """Share of responses that the length limit ended."""
    no_answer: float
    """Share without a final answer."""
    statuses: dict[str, int]
    """Grades by status."""
    mean_tokens_correct: float | None = None
    """Of the right responses; None if there are none."""
    first_token: Estimate | None = None
    """Of next-token accuracy: the share of predictions that are the next token alone."""


def claim(folder: Path, weights: str) -> None:
    """Note whose responses a folder holds; those of one model are never counted as another's.

    Args:
        folder: of an evaluation.
        weights: digest of the model's weights.

    Raises:
        BadInput: it holds those of other weights.
    """
    path = folder / "weights.json"
    found = json.loads(path.read_text(encoding="utf-8"))["xxh3_128"] if path.is_file() else weights
    if found != weights:
        raise BadInput(f"{folder}: holds responses of other weights ({found}); give another --out, or remove it")
    write_json(path, {"xxh3_128": weights})


def save_results(out: Path, model: str, results: Sequence[TaskResult]) -> None:
    """Put results into the results.json of `out`; those of other tasks, protocols and numbers of problems stay."""
    path = out / "results.json"
    fresh = {(result.task, result.protocol_digest, result.problems) for result in results}
    previous = load_results(out)["results"] if path.is_file() else []
    kept = [row for row in previous if (row["task"], row["protocol_digest"], row["problems"]) not in fresh]
    write_json(path, {"model": model, "results": [*kept, *map(asdict, results)]})


def load_results(folder: Path) -> dict[str, Any]:
    """What `mathmill evaluate` left in a folder.

    Raises:
        BadInput: nothing there.
    """
    path = folder / "results.json"
    if not path.is_file():
        raise BadInput(f"{folder}: no results.json; run `mathmill evaluate MODEL --out {folder}` first")
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return results
