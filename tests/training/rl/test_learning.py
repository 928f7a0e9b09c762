"""A tiny model, mid-trained on worked sums, gets better by GRPO at sums that it has not seen."""

from pathlib import Path

import torch

from benchmarks.rl_sums import run_seed


def test_accuracy_rises_on_held_out_sums(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    result = run_seed(tmp_path, 0, mid_steps=100, rl_steps=40, largest=20)
    # From about 9 % to 18 %; `python -m benchmarks.rl_sums` has more steps, three seeds and the floor of 30 points.
    assert result["after"] - result["before"] > 0.05
