"""What a checkpoint of an RL run records."""

from typing import Generic, TypeVar

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


RlRecord = PolicyRecord[RlRun]
