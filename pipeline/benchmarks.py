"""Benchmarks: shipped descriptions (manifests/tasks/), problems from JSONL files or the Hub."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

import manifests
from pipeline.config import find_config, load_config
from pipeline.errors import BadInput
from pipeline.files import digest
from pipeline.frozen import Frozen

_QUESTIONS = ("problem", "question", "input", "body")
_ANSWERS = ("answer", "final_answer", "gold", "expected_answer", "target")
_CHOICES = ("choices", "options")
_LETTERS = "ABCDEFGHIJ"


class Task(Frozen):
    """One benchmark."""

    title: str
    """Its name for people."""
    files: tuple[str, ...] = ()
    """Names that its JSONL file may have besides the task's own, without `.jsonl`."""
    hub: str | None = None
    """Name of the data set on the Hub; null: only from a file."""
    hub_config: str | None = None
    """Configuration on the Hub."""
    hub_split: str = "test"
    """Split on the Hub."""
    kind: Literal["answer", "choice"] = "answer"
    """Whether the gold is an answer or the letter of a choice."""
    shots: int = Field(default=0, ge=0)
    """Worked examples of the few-shot protocol."""
    exemplars: str | None = None
    """Shipped worked examples (manifests/exemplars/), in our own words; null: none fit."""
    num_problems: int | None = Field(default=None, ge=1)
    """Size of the whole benchmark; a table marks what was measured on fewer."""


@dataclass(frozen=True)
class Problem:
    """A question and its gold answer; `solution` is a worked one where the source has it."""

    id: str
    question: str
    answer: str
    solution: str | None = None


def load_task(name: str) -> Task:
    """A shipped task by name, or a task file by path.

    Raises:
        BadInput: there is none.
    """
    return load_config(Task, find_config("task", name))


def load_problems(name: str, task: Task, data: Path | None) -> list[Problem]:
    """The problems of a task, in the order of their source.

    Args:
        name: of the task.
        task: its description.
        data: a JSONL file, or a folder that holds one called after the task; null: from the Hub.

    Raises:
        BadInput: no file, a row without question or answer, or no source at all.
    """
    if data is None:
        return [_problem(name, place, row, task) for place, row in enumerate(_hub_rows(name, task))]
    path = _file(name, task, data)
    return [_problem(str(path), place, row, task) for place, row in enumerate(_json_rows(path))]


def load_exemplars(name: str, task: Task, source: str | None, shots: int) -> tuple[list[Problem], str]:
    """Worked examples and the digest that names them in tables.

    Args:
        name: of the task.
        task: its description.
        source: JSONL file of rows with question and solution, or `FILE:0,3,7` for rows of it; null: the shipped ones.
        shots: how many, from the front.

    Raises:
        BadInput: fewer than `shots`, or a row without solution.
    """
    if shots == 0:
        return [], "none"
    if source is None:
        if task.exemplars is None:
            raise BadInput(f"{name}: no worked examples are shipped for it; set exemplars to a file, or shots to 0")
        path, picked = manifests.ROOT / "exemplars" / f"{task.exemplars}.jsonl", None
    else:
        file, _, indices = source.partition(":")
        path, picked = Path(file), _indices(source, indices) if indices else None
    if not path.is_file():
        raise BadInput(f"exemplars: {source}: no such file; give a JSONL file with question and solution")
    rows = [_problem(str(path), place, row, task) for place, row in enumerate(_json_rows(path))]
    if picked is not None and (worst := max(picked)) >= len(rows):
        raise BadInput(f"exemplars: {source}: row {worst}: the file has {len(rows)}; take smaller indices")
    chosen = (rows if picked is None else [rows[place] for place in picked])[:shots]
    if len(chosen) < shots:
        raise BadInput(f"{name}: {shots} shots, but {path.name} gives {len(chosen)}; lower shots, or add examples")
    if lacking := next((row.id for row in chosen if not row.solution), None):
        raise BadInput(f"{path}: {lacking}: no solution; a worked example needs the field solution")
    return chosen, digest([[row.question, row.solution] for row in chosen])[:12]


def _indices(source: str, indices: str) -> list[int]:
    if not re.fullmatch(r"\d+(,\d+)*", indices):
        raise BadInput(f"exemplars: {source}: {indices!r} are no rows; write FILE:0,3,7, rows counted from 0")
    return [int(index) for index in indices.split(",")]


def _file(name: str, task: Task, data: Path) -> Path:
    if data.is_file():
        return data
    if not data.is_dir():
        raise BadInput(f"{data}: no such file or folder; give the JSONL file of {name}, or a folder that holds it")
    names = (name, *task.files)
    found = next((data / f"{stem}.jsonl" for stem in names if (data / f"{stem}.jsonl").is_file()), None)
    if found is None:
        wanted = " or ".join(f"{stem}.jsonl" for stem in names)
        raise BadInput(f"{data}: no {wanted} for task {name}; name the file so, or leave the task out")
    return found


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line.decode("utf-8"))
            except UnicodeDecodeError as error:
                raise BadInput(f"{path}: line {number}: not UTF-8; save the file as UTF-8") from error
            except json.JSONDecodeError as error:
                raise BadInput(f"{path}: line {number}: not JSON: {error}; correct the line") from error
            if not isinstance(row, dict):
                raise BadInput(f"{path}: line {number}: {type(row).__name__}, not an object; one object per line")
            yield row


def _hub_rows(name: str, task: Task) -> Iterator[dict[str, Any]]:
    if task.hub is None:
        raise BadInput(f"{name}: not on the Hub under one name; give its file with --data")
    from datasets import load_dataset

    yield from load_dataset(task.hub, task.hub_config, split=task.hub_split)


def _problem(source: str, place: int, row: Mapping[str, Any], task: Task) -> Problem:
    question = _field(source, place, row, _QUESTIONS)
    answer = _field(source, place, row, _ANSWERS)
    solution = row.get("solution")
    if "####" in answer:  # GSM8K keeps both in one field
        solution, _, answer = (part.strip() for part in answer.partition("####"))
    if task.kind == "choice":
        listed = next((row[name] for name in _CHOICES if row.get(name)), None)
        question = f"{question}\n{_choices(listed)}" if listed else question
        answer = _LETTERS[int(answer)] if answer.isdigit() else answer.strip("() ").upper()
    return Problem(str(row.get("id", place)), question.strip(), answer.strip(), solution)


def _choices(listed: Any) -> str:
    if isinstance(listed, str):
        return re.sub(r"(?<!\S)([A-J])[.)](?=\s)", r"(\1)", listed)
    return " ".join(f"({letter}) {choice}" for letter, choice in zip(_LETTERS, listed, strict=False))


def _field(source: str, place: int, row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = row.get(name)
        if isinstance(value, list) and value:
            value = value[0]
        if value is not None and str(value).strip():
            return str(value)
    raise BadInput(f"{source}: row {place}: none of {', '.join(names)}; add {names[0]}")
