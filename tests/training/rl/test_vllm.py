"""A real vLLM in an environment of its own, run by `make test-servers`: RL steps on answers that it draws."""

import os
from pathlib import Path

import pytest

from benchmarks.served import serve
from support.rl import write_run
from support.tiny_model import make_model
from training.rl.answers import answers_path, read_answers
from training.rl.train import train_rl_in
from training.watch import read_metrics
from training.world import World


@pytest.mark.servers
def test_rl_on_what_vllm_draws(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binaries = os.environ.get("MATHMILL_VLLM")
    assert binaries, "set MATHMILL_VLLM to the folder of vLLM's command; `make test-servers` does"
    model = make_model(tmp_path / "tiny")
    server = serve(Path(binaries), model, "float32", tmp_path / "server.log")
    try:
        loaded = write_run(
            tmp_path,
            model={"path": "tiny", "dtype": "float32"},
            tokenizer=None,
            engine={"kind": "served", "url": server.url().removesuffix("/v1")},
            num_steps=3,
            sampling={"samples": 8, "temperature": 0.7, "lengths": [{"step": 0, "max_new_tokens": 24}]},
        )
        train_rl_in(world, loaded, tmp_path / "out")
    finally:
        server.close()
    events = read_metrics(tmp_path / "out")
    # With a learning rate of 0.01 the answers of other weights would be whole nats off.
    assert all(event["policy/sampler_max_gap"] < 1e-4 for event in events)
    assert [event["rollout/stale"] for event in events] == [0, 0, 0]
    steps = [read_answers(answers_path(tmp_path / "out", step)) for step in (1, 2, 3)]
    assert [{answer.weights_version for answer in answers} for answers in steps] == [{0}, {1}, {2}]
    for answers in steps:
        assert len(answers) == 32
        for answer in answers:
            assert len(answer.tokens) == len(answer.sampler)
            assert answer.stop_reason != "stop_string" or "?" not in answer.response
            assert answer.stop_reason != "length" or len(answer.tokens) == 24
