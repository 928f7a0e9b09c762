"""Rollouts over HTTP: true log-probs, versions that are seen and not believed, no sample lost to a bad server."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from pipeline.config import validate
from pipeline.errors import BadInput, BuildFailed
from support.rl import CHARACTERS, MODEL, save_tokenizer
from support.rollout_server import Faults, RolloutServer
from training.model import widen_norms
from training.rl.handover import WeightsFolder, block_apart, norms_apart
from training.rl.noise import request_seed
from training.rl.rollout import Completion, Request, Sampling
from training.rl.served import ServedEngine
from training.rl.settings import PolicyRun, ServedSettings, load_rl_run
from training.world import World

SAMPLING = Sampling(max_new_tokens=12, stop=("?", "e"), seed=3)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return AutoTokenizer.from_pretrained(save_tokenizer(tmp_path_factory.mktemp("served") / "tokenizer"))


def config(**changes: object) -> Any:
    values = {**MODEL, **changes}
    return AutoConfig.for_model(values.pop("model_type"), **values)


@pytest.fixture(scope="module")
def shared(tokenizer: Any) -> Iterator[RolloutServer]:
    with RolloutServer(config(), tokenizer) as server:
        yield server


@pytest.fixture
def server(shared: RolloutServer, monkeypatch: pytest.MonkeyPatch) -> RolloutServer:
    """The server of all tests, as if it had just been started."""
    monkeypatch.setattr("pipeline.serving.client._FIRST_WAIT_S", 0.001)
    shared.faults = Faults()
    shared.restart()
    shared.calls.clear()
    shared.draws = shared.busy = shared.most_busy = 0
    shared.repeat = False
    shared.bodies.clear()
    shared.log.clear()
    return shared


def model(seed: int, **changes: object) -> PreTrainedModel:
    torch.manual_seed(seed)
    made: PreTrainedModel = AutoModelForCausalLM.from_config(config(**changes), dtype=torch.float64)
    widen_norms(made)
    return made.eval()


def weights(of: PreTrainedModel) -> Mapping[str, Tensor]:
    return dict(of.named_parameters())


def requests(count: int = 6) -> list[Request]:
    return [Request(tuple(range(5, 8 + place % 3)), place, place % 2) for place in range(count)]


def opened(server: RolloutServer, folder: Path, tokenizer: Any, world: World, **settings: Any) -> ServedEngine:
    values = {"kind": "served", "url": server.url, "give_up_s": 5, **settings}
    return ServedEngine(ServedSettings(**values), folder / "weights", config(), tokenizer, "float64", 60, world)


def teacher_forced(of: PreTrainedModel, request: Request, drawn: Completion, temperature: float) -> list[float]:
    ids = torch.tensor([[*request.tokens, *drawn.tokens]])
    with torch.no_grad():
        values = torch.log_softmax(of(ids, use_cache=False).logits[0] / temperature, -1)
    first = len(request.tokens) - 1
    return [float(values[first + place, token]) for place, token in enumerate(drawn.tokens)]


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_logprobs_are_those_of_the_policy_and_completions_those_of_the_embedded_engine(
    server: RolloutServer, tmp_path: Path, tokenizer: Any, world: World, temperature: float
) -> None:
    policy = model(1)
    engine = opened(server, tmp_path, tokenizer, world)
    engine.update_weights(weights(policy), 7)
    progress: list[int] = []
    sampling = SAMPLING.model_copy(update={"temperature": temperature})
    drawn = engine.generate(requests(), sampling, 4, progress.append)
    assert progress == [1, 2, 3, 4, 5, 6]
    for request, completion in zip(requests(), drawn, strict=True):
        assert completion.logprobs == pytest.approx(teacher_forced(policy, request, completion, temperature), rel=1e-9)
        assert (completion.weights_version, completion.stale_draws) == (7, 0)
        text = "".join(CHARACTERS[token - 2] for token in completion.tokens if token > 1)
        ends = {
            "stop": 1 in completion.tokens,
            "stop_string": text[-1:] in {"?", "e"},
            "length": len(completion.tokens) == 12,
        }
        assert ends[completion.stop_reason]
        assert completion.text == (text[:-1] if completion.stop_reason == "stop_string" else text)
    asked = {body["sampling_params"]["seed"] for body in server.bodies[-6:]}
    assert asked == {request_seed(3, 4, request.prompt, request.sample) for request in requests()}
    assert all(body["sampling_params"]["stop_token_ids"] == [1] for body in server.bodies[-6:])


def test_seeds_differ_in_every_part() -> None:
    parts = [
        (seed, step, prompt, sample) for seed in (0, 1) for step in (0, 1) for prompt in (0, 1) for sample in (0, 1)
    ]
    seeds = {request_seed(*part) for part in parts}
    assert len(seeds) == 16
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_each_version_is_read_flushed_checked_and_named_while_nothing_runs(
    server: RolloutServer, tmp_path: Path, tokenizer: Any, world: World
) -> None:
    engine = opened(server, tmp_path, tokenizer, world)
    server.faults.holds = 2
    labels = []
    for version in (0, 1):
        policy = model(version)
        engine.update_weights(weights(policy), version)
        labels.append(server.label)
        (drawn,) = engine.generate(requests(1), SAMPLING)
        assert drawn.weights_version == version
        assert drawn.logprobs == pytest.approx(teacher_forced(policy, requests(1)[0], drawn, 1.0), rel=1e-9)
        assert [path.name for path in (tmp_path / "weights").iterdir()] == [server.label]
    assert server.log[0] == "resume", "a run before may have been killed while it was paused"
    assert [name for name, _ in groupby(server.log[1:])] == 3 * [
        "pause", "update_weight_version", "collective_rpc", "reset_prefix_cache", "update_weight_version", "resume",
    ]  # fmt: skip
    assert server.calls["/weight_checker"] == 4, "at the start, and behind each load"
    assert [re.fullmatch(r"(\d)-[0-9a-f]{16}", label)[1] for label in labels] == ["0", "1"]  # type: ignore[index]
    engine.update_weights(weights(model(1)), 1)
    assert server.label == labels[1], "equal weights, equal label"
    engine.close()
    assert list((tmp_path / "weights").iterdir()) == []


def test_what_is_handed_over_is_a_checkpoint(tmp_path: Path) -> None:
    for tied in (False, True):
        policy = model(1, tie_word_embeddings=tied)
        folder = WeightsFolder(tmp_path / str(tied), policy.config, "bfloat16")
        written = folder.write(folder.state(weights(policy)), "3")
        again = AutoModelForCausalLM.from_pretrained(written.folder, dtype="auto")
        assert again.dtype == torch.bfloat16
        for name, value in again.state_dict().items():
            assert torch.equal(value, policy.state_dict()[name].bfloat16())
        assert ("lm_head.weight" in written.digests) is not tied


@pytest.mark.parametrize("fault", ["503", "cut", "half", "abort"])
def test_no_sample_is_lost_to_what_passes(
    server: RolloutServer, tmp_path: Path, tokenizer: Any, world: World, fault: str
) -> None:
    engine = opened(server, tmp_path, tokenizer, world)
    engine.update_weights(weights(model(1)), 1)
    first = server.draws
    server.faults.draw = lambda number: fault if (number - first) % 3 == 0 else None
    drawn = engine.generate(requests(9), SAMPLING)
    assert len(drawn) == 9
    assert all(len(completion.tokens) == len(completion.logprobs) > 0 for completion in drawn)
    assert server.draws - first > 9


def test_a_request_that_never_passes_ends_it_in_one_line(
    server: RolloutServer, tmp_path: Path, tokenizer: Any, world: World
) -> None:
    engine = opened(server, tmp_path, tokenizer, world)
    engine.update_weights(weights(model(1)), 1)
    server.faults.draw = lambda number: "half"
    with pytest.raises(BuildFailed, match=r"refuses a prompt of \d tokens: no_answer"):
        engine.generate(requests(3), SAMPLING)
    server.faults.draw = lambda number: None
    with pytest.raises(BuildFailed, match="refuses a prompt of 3 tokens: http_400: longer than the maximum"):
        engine.generate(requests(1), SAMPLING.model_copy(update={"max_new_tokens": 500}))


def test_a_server_that_hangs_is_given_up(server: RolloutServer, tmp_path: Path, tokenizer: Any, world: World) -> None:
    engine = opened(server, tmp_path, tokenizer, world, timeout_s=0.3, give_up_s=0.5)
    engine.update_weights(weights(model(1)), 1)
    server.faults.draw = lambda number: "hang"
    server.faults.missing = frozenset()
    with pytest.raises(BuildFailed, match=r"refuses a prompt of 3 tokens: timeout|no answer in"):
        engine.generate(requests(1), SAMPLING)


@pytest.mark.parametrize("concurrency", [1, 2, 64])
def test_a_server_that_was_started_anew_gets_the_weights_again(
    server: RolloutServer,
    tmp_path: Path,
    tokenizer: Any,
    world: World,
    capsys: pytest.CaptureFixture[str],
    concurrency: int,
) -> None:
    policy = model(1)
    engine = opened(server, tmp_path, tokenizer, world, concurrency=concurrency)
    engine.update_weights(weights(policy), 5)
    server.restart()
    drawn = engine.generate(requests(), SAMPLING)
    for request, completion in zip(requests(), drawn, strict=True):
        assert completion.logprobs == pytest.approx(teacher_forced(policy, request, completion, 1.0), rel=1e-9)
        assert completion.weights_version == 5
    assert sum(completion.stale_draws for completion in drawn) >= 1
    assert server.log.count("collective_rpc") == 3, "the rehearsal, the weights, and once for all that found it"
    assert "handed over anew" in capsys.readouterr().err


def test_stale_samples_are_dropped_counted_and_drawn_again(
    server: RolloutServer, tmp_path: Path, tokenizer: Any, world: World
) -> None:
    for max_staleness in (0, 1):
        engine = opened(server, tmp_path, tokenizer, world, max_staleness=max_staleness, concurrency=1)
        engine.update_weights(weights(model(1)), 1)
        before, first = server.label, server.draws
        engine.update_weights(weights(model(2)), 2)
        server.faults.draw = lambda number, first=first, before=before: f"label:{before}" if number == first else None  # type: ignore[misc]
        one, other = engine.generate(requests(2), SAMPLING)
        assert (one.weights_version, one.stale_draws) == ((2, 1) if max_staleness == 0 else (1, 0))
        assert (other.weights_version, other.stale_draws) == (2, 0)
        server.faults.draw = lambda number: None
    assert server.log.count("collective_rpc") == 6, "the server itself was right"
    server.faults.draw = lambda number: "label:somebody-else"
    with pytest.raises(BuildFailed, match="goes on answering with weights 'somebody-else', not '2-"):
        engine.generate(requests(1), SAMPLING)


def test_no_more_requests_than_allowed_run_at_once(
    server: RolloutServer, tmp_path: Path, tokenizer: Any, world: World
) -> None:
    engine = opened(server, tmp_path, tokenizer, world, concurrency=3)
    engine.update_weights(weights(model(1)), 1)
    engine.generate(requests(12), SAMPLING)
    assert server.most_busy == 3


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({"version": "0.28.1"}, "vLLM 0.28.1; 0.32 or newer is needed"),
        (
            {"missing": frozenset({"/version"})},
            "404 to /version; give the address of a vLLM server, without /v1",
        ),
        ({"missing": frozenset({"/weight_info"})}, "404 to /weight_info; start it with VLLM_SERVER_DEV_MODE=1"),
        ({"missing": frozenset({"/inference/v1/generate"})}, "start the server with --enable-scale-out"),
        ({"foreign": True}, "another vocabulary: a sentence is .*start it on the run's model"),
        ({"mode": "raw_logprobs"}, "start it with --logprobs-mode processed_logprobs"),
    ],
)
def test_a_server_that_cannot_do_is_told_in_one_line(
    server: RolloutServer, tmp_path: Path, tokenizer: Any, world: World, faults: dict[str, Any], message: str
) -> None:
    server.faults = Faults(**faults)
    with pytest.raises(BadInput, match=message) as error:
        opened(server, tmp_path, tokenizer, world)
    assert "\n" not in str(error.value)


def test_a_context_that_is_too_short_is_told_before_anything_is_drawn(
    server: RolloutServer, tmp_path: Path, tokenizer: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "max_model_len", 59)
    with pytest.raises(BadInput, match="context is 59 tokens, prompts and answers have up to 60; start it with --max"):
        opened(server, tmp_path, tokenizer, world)
    assert server.draws == 0


def test_weights_that_the_server_does_not_hold_are_seen(
    server: RolloutServer, tmp_path: Path, tokenizer: Any, world: World
) -> None:
    engine = opened(server, tmp_path, tokenizer, world)
    policy = model(1)
    with torch.no_grad():
        policy.model.norm.weight.mul_(1.01)
    server.faults.deaf = True
    with pytest.raises(BuildFailed, match=r"does not hold the weights of .*: model\.norm\.weight is another"):
        engine.update_weights(weights(policy), 1)
    server.faults.deaf, server.faults.holds = False, 99
    with pytest.raises(BuildFailed, match=r"fails at /reset_prefix_cache"):
        engine.update_weights(weights(policy), 1)
    server.faults.holds, server.faults.blind = 0, True
    with pytest.raises(BuildFailed, match=r"fails at /collective_rpc .*that the server sees by the same path"):
        engine.update_weights(weights(policy), 1)


def test_a_server_that_keeps_a_matrix_of_before_is_seen(
    server: RolloutServer, tmp_path: Path, tokenizer: Any, world: World
) -> None:
    engine = opened(server, tmp_path, tokenizer, world)
    server.faults.keeps = "lm_head.weight"
    with pytest.raises(BuildFailed, match=r"does not compute with the weights that it reads: .* in the mean"):
        engine.update_weights(weights(model(1)), 1)


def test_another_model_is_told_before_it_is_given_anything(
    server: RolloutServer, tmp_path: Path, tokenizer: Any, world: World
) -> None:
    settings = ServedSettings(kind="served", url=server.url)
    deeper = config(num_hidden_layers=3)
    with pytest.raises(BadInput, match=r"another model: model\.layers\.2 is not in both; start it on the run's model"):
        ServedEngine(settings, tmp_path / "weights", deeper, tokenizer, "float64", 60, world)
    assert server.log == []


def test_norms_apart_are_named() -> None:
    norms = {"model.layers.0.input_layernorm.weight": "a", "model.norm.weight": "c"}
    ours = {**norms, "model.layers.0.mlp.up_proj.weight": "b"}

    def theirs(**values: str) -> dict[str, str]:
        fused = {**norms, "model.layers.0.mlp.gate_up_proj.weight": "x"}
        return {f"dp0:tp{rank}:{name}": digest for rank in (0, 1) for name, digest in fused.items()} | values

    assert block_apart(ours, theirs()) is None
    assert norms_apart(ours, theirs()) == []
    assert norms_apart(ours, theirs(**{"dp0:tp1:model.norm.weight": "z"})) == ["model.norm.weight"]
    assert norms_apart(ours, {"dp0:tp0:model.norm.weight": "c"}) == ["model.layers.0.input_layernorm.weight"]
    packed = hashlib.sha256().hexdigest()
    assert norms_apart(ours, theirs(**{"dp0:tp1:model.norm.weight": packed})) == [], (
        "kept in a form of the server's own"
    )
    assert block_apart(ours, theirs(**{"dp0:tp0:model.layers.1.mlp.down_proj.weight": "d"})) == "model.layers.1"


def test_the_run_of_the_docs_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "rollouts.md").read_text(encoding="utf-8")
    (tmp_path / "served.yaml").write_text(text.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    engine = load_rl_run(tmp_path / "served.yaml").run.engine
    assert isinstance(engine, ServedSettings)
    assert engine.weights_folder == "/shared/weights"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "served"}, "engine.served.url: missing"),
        ({"kind": "served", "url": "gpu7:8000"}, "engine.served.url"),
        ({"kind": "embedded", "url": "http://gpu7:8000"}, "engine.embedded.url: .*unknown key"),
        ({"kind": "remote"}, "engine"),
    ],
)
def test_bad_settings_are_one_line(values: dict[str, object], message: str) -> None:
    run = {"name": "tiny", "model": {"config": MODEL}, "tokenizer": "t", "num_steps": 1, "engine": values}
    with pytest.raises(BadInput, match=message) as error:
        validate(PolicyRun, "run.yaml", run, ())
    assert "\n" not in str(error.value)
