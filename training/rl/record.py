"""What a checkpoint of an RL run records."""

from training.checkpoint import CheckpointRecord
from training.rl.prompts import PromptState
from training.rl.settings import RlRun

TOKENIZER = "tokenizer"
"""Folder in an RL run's folder that holds the run's tokenizer, for export."""


class RlRecord(CheckpointRecord):
    """done.json of an RL run."""

    run: RlRun
    updates: int
    """Optimizer updates done."""
    prompts: PromptState
    """Where the order of prompts stands, and which are retired."""
    prompts_digest: str
    """Of the prompts and their order; a resume under another one is refused."""
