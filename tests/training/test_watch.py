"""What a run tells and what it refuses before it starts: figures, forecasts, held-out losses."""

import json
import math

import numpy as np
import pytest
from transformers import AutoConfig

import training.memory
from pipeline.errors import BadInput
from support import tiny
from support.runs import TOKENIZER, write_mixture_of, write_run
from support.steps import build, held_out
from support.tokens import write_mixture, write_tokens
from training.data import open_mixture
from training.evaluation import held_out_losses
from training.feed import micro_batch_rows
from training.flops import find_device, flops_per_token, matmul_parameters
from training.forecast import render_forecast
from training.memory import estimate_memory
from training.midtrain import train_in
from training.model import meta_model
from training.plot import plot
from training.run import ModelSettings, Run, load_run
from training.watch import Watcher, duration, read_metrics, short

LLAMA_8B = {
    "model_type": "llama", "vocab_size": 128_256, "hidden_size": 4096, "intermediate_size": 14_336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "tie_word_embeddings": False,
}  # fmt: skip


def test_flops_are_the_published_formula():
    settings = ModelSettings(config=LLAMA_8B)
    config = AutoConfig.for_model(**LLAMA_8B)
    num_matmul = matmul_parameters(meta_model(settings, config), config)
    assert num_matmul / 1e9 == pytest.approx(7.505, abs=1e-3)
    assert flops_per_token(num_matmul, config, 4096) / 1e9 == pytest.approx(51.47, abs=0.01)


def test_devices_are_found_by_the_drivers_names():
    assert find_device("NVIDIA H100 80GB HBM3").peak_flops == 989e12
    assert find_device("NVIDIA H100 PCIe").peak_flops == 756e12
    assert find_device("NVIDIA A100-SXM4-80GB").peak_flops == 312e12
    assert find_device("Abacus") is None


def test_a_plan_tells_memory_time_and_passes_and_touches_nothing(tmp_path):
    path = write_run(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    page = render_forecast(load_run(path), tmp_path / "out", 8, "H100")
    assert "8 steps × 5 × 24 = 960 tokens" in page
    assert "passes: web 1." in page
    assert "8 × H100 at 40% of 989 TFLOP/s" in page
    assert sorted(tmp_path.rglob("*")) == before


def test_too_little_memory_is_refused_with_both_figures(tmp_path, world, monkeypatch):
    model = {"config": LLAMA_8B, "dtype": "bfloat16"}
    path = write_run(tmp_path, model=model)
    with pytest.raises(BadInput, match=r"about 1\d\d\.\d GiB per process are needed, a H100 has 79 GiB"):
        render_forecast(load_run(path), tmp_path / "out", 1, "H100")
    assert "GiB per process on 8" in render_forecast(load_run(path), tmp_path / "out", 8, "H100")
    monkeypatch.setattr(training.memory, "available_memory", lambda device: 64 << 30)
    with pytest.raises(BadInput, match=r"GiB per process are needed, 64\.0 GiB are free on cpu"):
        train_in(world, load_run(path), tmp_path / "out")
    assert not (tmp_path / "out" / "metrics.jsonl").exists()


def test_memory_of_the_8b_model_by_parts():
    run = Run.model_validate({
        "name": "x", "model": {"config": LLAMA_8B}, "mixture": "m", "num_steps": 1, "sequences_per_step": 8,
        "schedule": {"lr": 1.0},
    })  # fmt: skip
    config = AutoConfig.for_model(**LLAMA_8B)
    memory = estimate_memory(run, config, 8_030_261_248, 8192, 8)
    assert memory.weights == 4 * 8_030_261_248 // 8
    assert memory.optimizer == 2 * memory.weights
    root = 2 * 128_256 * 4096
    assert memory.gathered == 2 * (root + 2 * ((8_030_261_248 - root) // 32))


def test_a_tokenizer_with_more_ids_than_the_model_has_rows_is_refused(tmp_path, world):
    large = TOKENIZER.model_copy(update={"name": "large", "vocab_size": tiny.VOCAB + 1})
    mixture = write_mixture_of(tmp_path / "mix.yaml", {"web": 1.0}, tokenizer=large)
    with pytest.raises(BadInput, match=r"vocab_size 61, but the tokens were made with large, which has 62 ids"):
        train_in(world, load_run(write_run(tmp_path, mixture=mixture)), tmp_path / "out")


def test_held_out_losses_are_those_of_each_component_on_any_number_of_ranks(tmp_path, world, two_ranks):
    mixture = write_mixture_of(tmp_path / "held.yaml", {"web": 0.5, "qa": 0.5})
    data = open_mixture(mixture)
    model = build(world, tiny.settings())
    losses = held_out_losses(model, data, 5, world)
    batch = data.sequences(0, 5)
    rows = list(micro_batch_rows(batch, 1, world.device))
    for index, name in enumerate(data.components):
        mine = [row for row, component in zip(rows, batch.component, strict=True) if component == index]
        total = sum(model(row).item() for row in mine) / sum(row.num_trained for row in mine)
        assert losses[name] == pytest.approx(total, rel=1e-12)
    assert model.training
    for other in two_ranks.run(held_out, tiny.settings(), mixture):
        assert other == pytest.approx(losses, rel=1e-9)


def test_events_metrics_tensorboard_and_plot(tmp_path, world, capsys):
    held = write_mixture_of(tmp_path / "held.yaml", {"fresh": 1.0}, seed=9)
    path = write_run(
        tmp_path,
        evaluation={"mixture": str(held), "num_sequences": 3, "every_steps": 4},
        watch={"every_steps": 4, "tensorboard": True},
    )
    train_in(world, load_run(path), tmp_path / "out")
    said = capsys.readouterr().err
    assert said.count("held out") == 2
    assert [line.split()[1] for line in said.splitlines() if line.startswith("step")] == ["4/8", "8/8"]
    assert "tok/s/GPU" in said
    assert "seen web" in said
    events = read_metrics(tmp_path / "out")
    assert [event["step"] for event in events if "train/loss" in event] == list(range(1, 9))
    assert [event["step"] for event in events if "eval/loss/fresh" in event] == [4, 8]
    assert list((tmp_path / "out" / "tensorboard").glob("events*"))
    assert plot([tmp_path / "out"], tmp_path / "runs.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(BadInput, match=r"no metrics\.jsonl"):
        plot([tmp_path / "nowhere"], tmp_path / "none.png")


def test_a_resumed_run_forgets_what_lies_beyond_its_checkpoint(tmp_path):
    events = [{"step": step, "train/loss": 1.0} for step in (1, 2, 3)]
    text = "".join(json.dumps(event) + "\n" for event in events) + '{"step": 4, "tra'
    (tmp_path / "metrics.jsonl").write_text(text)
    run = load_run("demo-stable", ("watch.tensorboard=false",)).run
    Watcher(tmp_path, run, 2).close()
    assert [event["step"] for event in read_metrics(tmp_path)] == [1, 2]


def test_weights_and_biases_is_refused_where_it_is_not_installed(tmp_path):
    run = load_run("demo-stable", ("watch.wandb_project=x", "watch.tensorboard=false")).run
    with pytest.raises(BadInput, match="wandb is not installed"):
        Watcher(tmp_path, run, 0)


def test_counts_and_durations_as_people_read_them():
    assert [short(value) for value in (7, 1234, 999_600, 209_715_200_000)] == ["7", "1.23k", "1M", "210B"]
    assert [duration(value) for value in (5, 90, 7200, 864_000)] == ["5 s", "1.5 min", "2 h", "10 d"]


@pytest.mark.soak
def test_a_model_reaches_the_entropy_of_its_source(tmp_path, world):
    """A Markov chain over 32 states with known entropy: the loss ends within 2 % of it."""
    rng = np.random.default_rng(0)
    states = 32
    chain = rng.dirichlet(np.full(states, 0.3), states)
    documents = []
    for _ in range(1500):
        state, ids = int(rng.integers(states)), []
        for _ in range(100):
            ids.append(1 + state)
            state = int(rng.choice(states, p=chain[state]))
        documents.append([*ids, 0])
    write_tokens(tmp_path / "chain", documents, tokenizer=TOKENIZER)
    mixture = write_mixture(tmp_path / "mix.yaml", {"chain": (tmp_path / "chain", 1)}, sequence_length=64)
    path = write_run(
        tmp_path,
        mixture=mixture,
        model={"config": tiny.LLAMA | {"hidden_size": 64, "intermediate_size": 128}, "dtype": "float32"},
        num_steps=400,
        sequences_per_step=16,
        schedule={"lr": 5e-3, "decay": "linear", "decay_tokens": 200 * 16 * 64, "final_ratio": 0.0},
        checkpoints={"every_steps": 400},
        watch={"every_steps": 50, "tensorboard": False},
    )
    train_in(world, load_run(path), tmp_path / "out")
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = np.nansum(np.where(chain > 0, -chain * np.log(chain), 0.0), axis=1)
    values, vectors = np.linalg.eig(chain.T)
    stationary = np.real(vectors[:, np.argmax(np.real(values))])
    stationary /= stationary.sum()
    # A document's hundredth state is followed by the end, which is as good as never told from the states before.
    inside, begun = float(stationary @ surprise), 1 / 100
    ends = -(begun * math.log(begun) + (1 - begun) * math.log(1 - begun))
    entropy = (99 * inside + 100 * ends) / 100
    losses = [event["train/loss"] for event in read_metrics(tmp_path / "out")][-50:]
    assert np.mean(losses) == pytest.approx(entropy, rel=0.02)
