"""A tiny model, mid-trained on worked sums, gets better by GRPO at sums that it has not seen."""

from pathlib import Path

import torch

from benchmarks.rl_sums import run_seed


def test_accuracy_rises_on_held_out_sums(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    result = run_seed(tmp_path, 0, mid_steps=140, rl_steps=40)
    # `python -m benchmarks.rl_sums` has the floor of 30 points, with more steps and three seeds.
    assert result["after"] - result["before"] > 0.10
