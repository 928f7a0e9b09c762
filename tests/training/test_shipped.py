"""The shipped runs reproduce the paper's tables; the demo's commands do what `make demo` promises."""

import re
from pathlib import Path

import pytest

import manifests
from manifests.sample.questions import questions
from pipeline.errors import BadInput
from training.mixture import load_mixture
from training.rl.settings import load_rl_run
from training.rpt.settings import load_rpt_run
from training.run import load_run
from training.schedule import learning_rate

RATES = {"1b": 5e-5, "3b": 2e-5, "8b": 1e-5}
LENGTH = 8192


@pytest.mark.parametrize("size", sorted(RATES))
def test_stable_runs_are_table_3(size):
    run = load_run(f"octothinker-{size}-stable").run
    assert (run.num_steps, run.sequences_per_step) == (50_000, 512)
    assert run.num_tokens(LENGTH) == 209_715_200_000
    assert (run.schedule.lr, run.schedule.decay, run.schedule.warmup_tokens) == (RATES[size], "constant", 0)
    assert run.optimizer.weight_decay == 0.1
    total = run.num_tokens(LENGTH)
    assert {learning_rate(run.schedule, RATES[size], tokens, total) for tokens in (0, total // 2, total)} == {
        RATES[size]
    }


@pytest.mark.parametrize("branch", ["long", "short", "hybrid"])
@pytest.mark.parametrize("size", sorted(RATES))
def test_decay_runs_are_table_5(size, branch):
    run = load_run(f"octothinker-{size}-decay-{branch}").run
    stable = load_run(f"octothinker-{size}-stable").run
    assert (run.num_steps, run.sequences_per_step) == (5_000, 512)
    assert run.num_tokens(LENGTH) == 20_971_520_000
    assert run.mixture == f"octothinker-decay-{branch}"
    assert run.parent is not None
    assert run.parent.checkpoint == f"{stable.name}/step-{stable.num_steps:07d}"
    assert (run.schedule.lr, run.schedule.decay, run.schedule.warmup_tokens) == (None, "cosine", 0)
    rate, total = RATES[size], run.num_tokens(LENGTH)
    assert learning_rate(run.schedule, rate, 0, total) == rate
    assert learning_rate(run.schedule, rate, total, total) == pytest.approx(rate / 10, rel=1e-12)
    same = {"name", "mixture", "num_steps", "schedule", "checkpoints", "parent"}
    assert run.model_dump(exclude=same) == stable.model_dump(exclude=same)


def test_the_files_tell_the_papers_rounding_beside_the_total():
    for path in (manifests.ROOT / "runs").glob("octothinker-[138]b-*.yaml"):
        text = path.read_text()
        steps, rounded, total = ("50,000", "200B", "209.7B") if "stable" in path.name else ("5,000", "20B", "21.0B")
        assert re.search(rf"gives {steps} steps and calls them {rounded} tokens", text)
        assert f"make {total}" in text


def test_the_demos_runs_and_mixtures_fit_together():
    run = load_run("demo-stable").run
    assert load_mixture(run.mixture).mixture.sequence_length <= run.model.config["max_position_embeddings"]
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    assert f"step-{run.num_steps:07d} demo-decay" in makefile
    assert set(load_mixture("demo-decay").mixture.components) == {"corpus", "questions"}


def test_the_questions_are_what_the_program_writes():
    assert (manifests.ROOT / "sample" / "questions.jsonl").read_text() == questions()


@pytest.mark.parametrize(
    ("load", "name", "command"),
    [
        (load_rl_run, "demo-stable", "mid"),
        (load_rpt_run, "octothinker-rl-3b-long", "rl"),
        (load_run, "demo-rpt", "rpt"),
    ],
)
def test_a_run_of_another_command_is_told_its_command(load, name, command):
    with pytest.raises(BadInput, match=f"{name}.yaml: a run of `train {command}`, as it has .*run it by `mathmill"):
        load(name)
