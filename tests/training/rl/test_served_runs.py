"""RL runs whose answers a server draws, other ones each time: in one process, in two, and through kills."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoConfig, AutoTokenizer

from support.checkpoints import tensors
from support.ranks import Ranks, run_ranks
from support.rl import MODEL, save_tokenizer, two_ranks_run, write_run
from support.rl_kills import HANDING_OVER, finish, stop_in
from support.rollout_server import Faults, RolloutServer
from support.runs import command, environment
from training.checkpoint import complete_checkpoints
from training.rl.answers import answers_path, read_answers
from training.rl.plan import render_plan
from training.rl.settings import LoadedRlRun
from training.rl.train import train_rl_in
from training.watch import read_metrics
from training.world import World

GENERATE, RELOAD = "/inference/v1/generate", "/collective_rpc"
PROBES = 2 + 4
"""Answers that are asked for to see what the server can do, and in the rehearsal."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RolloutServer]:
    values = dict(MODEL)
    config = AutoConfig.for_model(values.pop("model_type"), **values)
    tokenizer = AutoTokenizer.from_pretrained(save_tokenizer(tmp_path_factory.mktemp("served") / "tokenizer"))
    with RolloutServer(config, tokenizer) as server:
        yield server


@pytest.fixture
def server(shared: RolloutServer) -> RolloutServer:
    shared.faults = Faults()
    shared.restart()
    shared.calls.clear()
    return shared


def write(folder: Path, server: RolloutServer, **fields: object) -> LoadedRlRun:
    return write_run(folder, engine={"kind": "served", "url": server.url, "give_up_s": 20}, **fields)


def asked_for(server: RolloutServer) -> set[int]:
    """The seeds of the answers that were asked for, those of probes and rehearsals left out."""
    return {body["sampling_params"]["seed"] for body in server.bodies} - set(range(PROBES))


def test_a_run_learns_from_what_the_server_draws(server: RolloutServer, world: World, tmp_path: Path) -> None:
    loaded = write(tmp_path, server)
    assert f"engine     vLLM at {server.url}, " in render_plan(loaded, tmp_path / "out")
    assert not server.calls, "a plan touches nothing"
    first = server.draws + PROBES
    server.faults.draw = lambda number: "label:0-of-another-run" if number == first + 3 else None
    train_rl_in(world, loaded, tmp_path / "out")
    events = read_metrics(tmp_path / "out")
    assert [event["rollout/stale"] for event in events] == [1, 0, 0, 0]
    assert all(event["policy/sampler_max_gap"] < 1e-9 for event in events)
    for step in range(1, 5):
        answers = read_answers(answers_path(tmp_path / "out", step))
        assert {answer.weights_version for answer in answers} == {step - 1}
        assert [(answer.group, answer.sample) for answer in answers] == [(g, s) for g in range(4) for s in range(3)]
    assert server.calls[RELOAD] == 1 + 5, "the rehearsal, the first weights, and those after each step"


def test_the_first_of_two_processes_hands_over_and_both_ask(
    server: RolloutServer, two_ranks: Ranks, tmp_path: Path
) -> None:
    write(tmp_path, server, num_steps=2)
    two_ranks.run(two_ranks_run, str(tmp_path))
    assert server.calls[RELOAD] == 1 + 3
    assert all(event["policy/sampler_max_gap"] < 1e-9 for event in read_metrics(tmp_path / "out"))
    write(tmp_path / "other", server)
    server.faults.foreign = True
    with pytest.raises(RuntimeError, match=r"rank 0: BadInput: engine.url: .*another vocabulary"):
        two_ranks.run(two_ranks_run, str(tmp_path / "other"))


def test_killed_and_terminated_the_same_command_replays_what_was_drawn(
    server: RolloutServer, world: World, tmp_path: Path
) -> None:
    loaded = write(tmp_path, server, checkpoints={"every_steps": 100})
    out = tmp_path / "out"

    tests = Path(__file__).parents[2]
    values = environment() | {"PYTHONPATH": f"{tests.parent}:{tests}"}
    words = command("train", "rl", loaded.path, "--out", out)
    with subprocess.Popen(words, env=values, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        # In the middle of the first step's answers.
        server.faults.called = lambda path, before: (
            process.send_signal(signal.SIGTERM) if (path, before) == (GENERATE, PROBES + 5) else None
        )
        try:
            _, said = process.communicate(timeout=100)
        finally:
            process.kill()
    assert (process.returncode, [path.name for path in complete_checkpoints(out)]) == (130, ["step-0000001"]), said
    server.faults.called = lambda path, before: None
    # The answers of the third step are stored and learned from, and there is no checkpoint.
    assert run_ranks(1, stop_in, loaded.path, out, HANDING_OVER, 3, 1, signal.SIGKILL, 1) == [-signal.SIGKILL]
    assert server.paused
    assert [path.name for path in complete_checkpoints(out)] == ["step-0000001"]
    drawn = [answers_path(out, step).read_bytes() for step in (2, 3)]
    server.bodies.clear()
    assert run_ranks(1, finish, loaded.path, out) == [0]
    assert [answers_path(out, step).read_bytes() for step in (2, 3)] == drawn
    assert len(asked_for(server)) == 12, "the answers of the fourth step, and no others"
    assert [event["step"] for event in read_metrics(out) if "time/replay_s" in event] == [2, 3]

    # The same answers, learned from without any interruption, in a run that draws none.
    server.bodies.clear()
    shutil.copytree(out / "rollouts", tmp_path / "whole" / "rollouts")
    train_rl_in(world, loaded, tmp_path / "whole")
    assert asked_for(server) == set()
    mine, theirs = (tensors(folder / "step-0000004") for folder in (out, tmp_path / "whole"))
    assert mine.keys() == theirs.keys()
    assert all(np.array_equal(mine[name], theirs[name]) for name in mine)
    logs = [
        [{key: value for key, value in event.items() if not key.startswith(("time", "speed"))} for event in events]
        for events in (read_metrics(out), read_metrics(tmp_path / "whole"))
    ]
    assert logs[0] == logs[1]
