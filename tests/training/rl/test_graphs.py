"""Recorded decoding steps draw what plain ones draw; what a recorder relies on holds."""

from pathlib import Path

import pytest
import torch

from pipeline.errors import BadInput
from support.rl import write_run
from tests.training.rl.test_engine import Letters, _engine, _model, _requests
from training.rl import graphs
from training.rl.engine import EmbeddedEngine
from training.rl.graphs import Step
from training.rl.rollout import Sampling
from training.rl.train import train_rl_in
from training.world import World


class Recording:
    """A recorder that, as a graph does, computes on the memory it saw and writes where it wrote first."""

    def __init__(self) -> None:
        self.recorded = 0
        self.replayed = 0

    def __call__(self, step: Step) -> Step:
        self.recorded += 1
        output = step()

        def replay() -> torch.Tensor:
            self.replayed += 1
            output.copy_(step())
            return output

        return replay


@pytest.mark.parametrize("max_batch", [2, 9])
def test_recorded_steps_draw_the_same(max_batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "STRIDE", 8)
    model, sampling, requests = _model("qwen3", torch.float64), Sampling(max_new_tokens=25, seed=4), _requests(4, 3)
    recorder = Recording()
    engine = EmbeddedEngine(model.config, Letters(), dtype="float64", max_batch=max_batch, recorder=recorder)
    for scale in (1.0, 0.5):  # the weights lie where they lay
        weights = {name: value * scale for name, value in model.named_parameters()}
        engine.update_weights(weights, version=0)
        plain = _engine(model, max_batch)
        plain.update_weights(weights, version=0)
        expected = plain.generate(requests, sampling, step=1)
        for found, wanted in zip(engine.generate(requests, sampling, step=1), expected, strict=True):
            assert found.tokens == wanted.tokens
            assert found.logprobs == pytest.approx(wanted.logprobs, rel=1e-9)
    assert recorder.replayed > recorder.recorded
    assert recorder.recorded <= 2 * 5, "one for each multiple of 8 up to the longest prompt and answer, in each call"


def test_graphs_without_a_gpu_are_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"engine\.cuda_graphs: true needs a GPU, and this is cpu"):
        train_rl_in(world, write_run(tmp_path, engine={"kind": "embedded", "cuda_graphs": True}), tmp_path / "out")
