"""A tiny model, mid-trained on worked sums, gets better by GRPO at sums that it has not seen."""

from pathlib import Path

import pytest

from benchmarks.rl_sums import run_seed
from training.world import World


def test_accuracy_rises_on_held_out_sums(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # `make demo-rl` gives a relative folder
    result = run_seed(world, Path("sums"), 0, mid_steps=90, rl_steps=40, largest=12, samples=16)
    # From about 10 % to 22 %; `python -m benchmarks.rl_sums` has more steps, three seeds and the floor of 30 points.
    assert result["after"] - result["before"] > 0.06
