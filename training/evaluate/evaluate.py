"""Evaluation of one model: draw, keep every response as it comes, grade, sum up. Run again, it goes on.

An output folder holds `responses/<task>-<protocol>.jsonl` (a line per response: prompt, text, stop reason, tokens,
grade) and `results.json`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

from pipeline.benchmarks import Problem, Task, load_exemplars, load_problems, load_task
from pipeline.errors import BadInput
from pipeline.progress import Reporter
from training.evaluate.metrics import majority_correct, pass_at_k, proportion
from training.evaluate.protocol import EvaluationSettings, Protocol
from training.evaluate.results import TaskResult, save_results
from training.rl.grading import grade_batch
from training.rl.rollout import Request, RolloutEngine
from training.templates import load_template

CHUNK = 256
"""Responses between two writes: what an interruption can cost. Larger ones keep an engine busier."""


class Tokenizer(Interface):
    """The part of a transformers tokenizer that prompts need."""

    def encode(self, text: str) -> list[int]:
        """Token ids, BOS included where the model wants one."""
        ...


def evaluate(
    model: str,
    engine: RolloutEngine,
    tokenizer: Tokenizer,
    tasks: Sequence[str],
    settings: EvaluationSettings,
    data: Path | None,
    out: Path,
    reporter: Reporter,
    chunk: int = CHUNK,
) -> list[TaskResult]:
    """Evaluate a model on tasks.

    Args:
        model: its name in results.
        engine: holds the weights.
        tokenizer: of the model.
        tasks: shipped tasks or task files.
        settings: of every task.
        data: folder of JSONL files, or one file; null: from the Hub.
        out: folder of responses and results; responses there of the same protocol and prompts are not drawn again, so
            they have to be of the same weights (`claim` in `training.evaluate.results`).
        reporter: shows progress.
        chunk: responses that are drawn together and then written.

    Raises:
        BadInput: a task, template or file that is not there or does not fit.
    """
    results = []
    for asked in prepare(tasks, settings, data):
        path = out / "responses" / f"{asked.name}-{asked.protocol.digest}.jsonl"
        rows = _draw(asked, engine, tokenizer, path, reporter, chunk)
        results.append(_sum_up(asked, rows))
    save_results(out, model, results)
    return results


@dataclass(frozen=True)
class Asked:
    """A task under a protocol: what is asked, in prompts, and what is wanted."""

    name: str
    task: Task
    protocol: Protocol
    problems: list[Problem]
    prompts: list[str]
    stop: tuple[str, ...]


def prepare(tasks: Sequence[str], settings: EvaluationSettings, data: Path | None) -> list[Asked]:
    """What an evaluation would ask, by task; whatever of it can be refused is refused here.

    Raises:
        BadInput: a task, template or file that is not there or does not fit, or a task that is named twice.
    """
    names = [Path(task).stem for task in tasks]
    if twice := next((name for place, name in enumerate(names) if name in names[:place]), None):
        raise BadInput(f"two tasks are called {twice}; name each once")
    return [_prepare(task, settings, data) for task in tasks]


def _prepare(source: str, settings: EvaluationSettings, data: Path | None) -> Asked:
    task, template, name = load_task(source), load_template(settings.template), Path(source).stem
    takes_examples = template.template.exemplar is not None
    shots = settings.shots if settings.shots is not None else task.shots if takes_examples else 0
    if shots and not takes_examples:
        raise BadInput(f"shots: {shots}: template {template.name} takes no examples; use few-shot, or 0 shots")
    exemplars, exemplar_digest = load_exemplars(name, task, settings.exemplars, shots)
    problems = load_problems(name, task, data)[: settings.limit]
    if not problems:
        raise BadInput(f"{name}: no problems in {data or task.hub}; give another file")
    protocol = Protocol(template.name, template.digest, shots, exemplar_digest, settings)
    prompts = [template.render(problem.question, exemplars) for problem in problems]
    return Asked(name, task, protocol, problems, prompts, template.template.stop)


def _draw(
    asked: Asked, engine: RolloutEngine, tokenizer: Tokenizer, path: Path, reporter: Reporter, chunk: int
) -> list[dict[str, Any]]:
    """A row per (problem, sample), in that order; what the file holds already is taken from it."""
    settings, problems, prompts = asked.protocol.settings, asked.problems, asked.prompts
    there = {(row["problem"], row["sample"]): row for row in _complete_lines(path)}
    # A problem whose text changed since is drawn again.
    there = {key: row for key, row in there.items() if key[0] < len(prompts) and row["prompt"] == prompts[key[0]]}
    wanted = [(place, sample) for place in range(len(problems)) for sample in range(settings.samples)]
    missing = [key for key in wanted if key not in there]
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = {place: tuple(tokenizer.encode(prompts[place])) for place, _ in missing}
    before = len(wanted) - len(missing)
    with (
        path.open("a", encoding="utf-8") as file,
        reporter.phase(asked.name, len(wanted), before, unit="responses") as on_progress,
    ):
        for first in range(0, len(missing), chunk):
            keys = missing[first : first + chunk]
            requests = [Request(encoded[place], place, sample) for place, sample in keys]

            def on_drawn(count: int, before: int = first) -> None:
                on_progress(before + count)

            completions = engine.generate(requests, settings.sampling(asked.stop), on_progress=on_drawn)
            golds = [problems[place].answer for place, _ in keys]
            grades = grade_batch(golds, [item.text for item in completions], last_box=settings.last_box)
            for (place, sample), completion, grade in zip(keys, completions, grades, strict=True):
                row = {
                    "problem": place,
                    "sample": sample,
                    "id": problems[place].id,
                    "prompt": prompts[place],
                    "gold": problems[place].answer,
                    "response": completion.text,
                    "tokens": len(completion.tokens),
                    "stop_reason": completion.stop_reason,
                    "correct": grade.correct,
                    "status": grade.status,
                }
                there[place, sample] = row
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            on_progress(first + len(keys))
    return [there[key] for key in wanted]


def _complete_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a file whose last line may have been cut; the cut line is removed from it."""
    if not path.is_file():
        return []
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if end != len(content):
        with path.open("r+b") as file:
            file.truncate(end)
    return [json.loads(line) for line in content[:end].splitlines()]


def _sum_up(asked: Asked, rows: Sequence[dict[str, Any]]) -> TaskResult:
    protocol, num_problems = asked.protocol, len(asked.problems)
    samples = protocol.settings.samples
    groups = [rows[first : first + samples] for first in range(0, len(rows), samples)]
    rights = [sum(row["correct"] for row in group) for group in groups]
    statuses: dict[str, int] = {}
    for row in rows:
        statuses[row["status"]] = statuses.get(row["status"], 0) + 1
    majority = None
    if samples > 1:
        votes = [([row["response"] for row in group], [row["correct"] for row in group]) for group in groups]
        majority = proportion([majority_correct(*vote, last_box=protocol.settings.last_box) for vote in votes])
    right_lengths = [row["tokens"] for row in rows if row["correct"]]
    return TaskResult(
        task=asked.name,
        protocol=str(protocol),
        protocol_digest=protocol.digest,
        problems=num_problems,
        whole=asked.task.num_problems is None or num_problems == asked.task.num_problems,
        samples=samples,
        pass_at={str(k): proportion([pass_at_k(samples, right, k) for right in rights]) for k in protocol.settings.k},
        majority=majority,
        mean_tokens=sum(row["tokens"] for row in rows) / len(rows),
        at_limit=sum(row["stop_reason"] == "length" for row in rows) / len(rows),
        no_answer=statuses.get("no_answer", 0) / len(rows),
        statuses=dict(sorted(statuses.items())),
        mean_tokens_correct=sum(right_lengths) / len(right_lengths) if right_lengths else None,
    )
