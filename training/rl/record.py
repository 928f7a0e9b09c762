"""What a checkpoint of an RL run records."""

from typing import Generic, TypeVar

from training.best import Best
from training.checkpoint import CheckpointRecord
from training.rl.compute import Spent
from training.rl.settings import PolicyRun, RlRun
from training.rl.task import PromptState

TOKENIZER = "tokenizer"
"""Folder in an RL run's folder that holds the run's tokenizer, for export."""

Settings = TypeVar("Settings", bound=PolicyRun)


class PolicyRecord(CheckpointRecord, Generic[Settings]):
    """done.json of RL on answers and of RPT; they differ in the run's settings."""

    run: Settings
    updates: int
    """Optimizer updates done."""
    spent: Spent = Spent()
    """Tokens and FLOP so far, evaluation left out."""
    prompts: PromptState
    """Where the order of prompts stands, and which are retired."""
    prompts_digest: str
    """Of the prompts and their order; a resume under another one is refused."""
    best: Best | None = None
    """The best evaluation so far."""

    @property
    def kept_step(self) -> int | None:
        """Of the best evaluation, where the run keeps it."""
        return self.best.step if self.best is not None and self.run.keep_best else None


RlRecord = PolicyRecord[RlRun]
