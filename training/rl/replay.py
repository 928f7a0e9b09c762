"""Drawn answers that outlive a kill: stored before anything is learned from them, and read back instead of drawn anew.

A server's answers are no function of the seed, and drawing is most of a step. So a step that was drawn before a kill is
learned from again as it was, and the weights behind it are the same. The rows of a step name the state that they were
drawn in: all that a checkpoint there would record, but for what changes no answer. In another state (other settings, a
return to an earlier checkpoint) they are drawn anew.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.files import digest
from training.rl.answers import SCHEMA, Answer, answers_path, read_answers, write_answers
from training.rl.compute import Spent
from training.rl.draw import Drawn
from training.rl.record import PolicyRecord, Settings
from training.rl.task import PromptState
from training.world import World

_META = b"mathmill"
_NO_MATTER = {
    "name",
    "num_steps",
    "parallel",
    "checkpoints",
    "collapse",
    "keep_best",
    "watch",
    "samples",
    "evaluation",
    "engine",
}
"""Fields of a run that change no answer of a step."""


@dataclass(frozen=True)
class Origin:
    """Where a step's answers come from: `state` is the digest of the state that they are drawn in."""

    folder: Path
    step: int
    state: str

    @classmethod
    def of(cls, folder: Path, record: PolicyRecord[Settings], model: Path | None) -> "Origin":
        """Of the step behind a record, which tells the state of the run as a checkpoint there would.

        Args:
            folder: of the run.
            record: of the state.
            model: folder that the run's first weights came from; other files there are another first state.
        """
        values = record.model_dump(mode="json", exclude={"files": True, "best": True, "run": _NO_MATTER})
        weights = sorted(model.glob("*.safetensors")) if model is not None and record.step == 0 else []
        files = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in weights]
        return cls(folder, record.step + 1, digest([values, files, SCHEMA.names]))


def store(origin: Origin, drawn: Drawn, batches: Sequence[Sequence[Answer]], temperature: float) -> None:
    """Write a step's answers, whole or not at all, those of `batches` with what they are learned by."""
    trained = {(answer.group, answer.sample): answer for batch in batches for answer in batch}
    rows = [trained.get((answer.group, answer.sample), answer) for answer in drawn.answers]
    about = {
        "state": origin.state,
        "chosen": drawn.chosen,
        "prompts": drawn.state.model_dump(mode="json"),
        "num_groups": drawn.num_groups,
        "draws": drawn.draws,
        "asked": drawn.asked.model_dump(mode="json"),
    }
    write_answers(origin.folder, origin.step, rows, temperature, {_META: json.dumps(about).encode()})


def stored(origin: Origin, world: World) -> Drawn | None:
    """What was drawn for a step in this very state, on every process; None: nothing, draw it."""
    return world.on_first(lambda: _read(origin))


def _read(origin: Origin) -> Drawn | None:
    path = answers_path(origin.folder, origin.step)
    if not path.is_file():
        return None
    about = json.loads((pq.read_schema(path).metadata or {}).get(_META, b"{}"))
    if about.get("state") != origin.state:
        return None
    return Drawn(
        answers=read_answers(path),
        chosen=about["chosen"],
        state=PromptState.model_validate_json(json.dumps(about["prompts"])),
        num_groups=about["num_groups"],
        draws=about["draws"],
        asked=Spent.model_validate_json(json.dumps(about["asked"])),
    )
