"""The embedded engine: its log-probs are the trainer's, its draws depend on nothing but the request."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from pipeline.errors import BadInput
from training.rl.decode import Decode, Prefill
from training.rl.engine import EmbeddedEngine
from training.rl.noise import uniforms
from training.rl.rollout import Completion, Request, Sampling

SHAPE = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
FAMILIES = ("llama", "qwen2", "qwen3")


class Letters:
    """A tokenizer whose token n is one character; token 63 is EOS and invisible."""

    eos_token_id = 63

    def decode(self, tokens: Sequence[int], skip_special_tokens: bool = False) -> str:
        return "".join(chr(48 + token) for token in tokens if token != self.eos_token_id)


def _model(family: str, dtype: torch.dtype, tied: bool = False) -> PreTrainedModel:
    config = AutoConfig.for_model(family, **SHAPE, tie_word_embeddings=tied, eos_token_id=None, initializer_range=0.2)
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    return model.eval()


def _engine(model: PreTrainedModel, max_batch: int = 8) -> EmbeddedEngine:
    name = str(model.dtype).removeprefix("torch.")
    engine = EmbeddedEngine(model.config, Letters(), dtype=name, max_batch=max_batch)
    engine.update_weights(dict(model.named_parameters()), version=5)
    return engine


def _requests(num_prompts: int = 3, samples: int = 3) -> list[Request]:
    prompts = [tuple((7 * prompt + 3 * place) % 60 for place in range(2 + 3 * prompt)) for prompt in range(num_prompts)]
    return [Request(tokens, prompt, sample) for prompt, tokens in enumerate(prompts) for sample in range(samples)]


def _teacher_forced(
    model: PreTrainedModel, request: Request, completion: Completion, temperature: float
) -> list[float]:
    ids = torch.tensor([[*request.tokens, *completion.tokens]])
    with torch.no_grad():
        logprobs = torch.log_softmax(model(ids, use_cache=False).logits[0] / temperature, -1)
    first = len(request.tokens) - 1
    return [float(logprobs[first + place, token]) for place, token in enumerate(completion.tokens)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_logprobs_are_those_of_teacher_forcing(family: str, temperature: float) -> None:
    model = _model(family, torch.float32, tied=family == "qwen3")
    engine = _engine(model)
    completions = engine.generate(_requests(), Sampling(temperature=temperature, max_new_tokens=20), step=4)
    for request, completion in zip(_requests(), completions, strict=True):
        assert completion.logprobs == pytest.approx(_teacher_forced(model, request, completion, temperature), abs=1e-5)
        assert completion.weights_version == 5


def test_greedy_is_transformers_greedy() -> None:
    model = _model("llama", torch.float64)
    requests = _requests(samples=1)
    completions = _engine(model).generate(requests, Sampling(temperature=0, max_new_tokens=12))
    for request, completion in zip(requests, completions, strict=True):
        ids = torch.tensor([request.tokens])
        seen = torch.ones_like(ids)
        expected = model.generate(
            ids, attention_mask=seen, do_sample=False, max_new_tokens=12, eos_token_id=63, pad_token_id=0
        )
        assert completion.tokens == tuple(expected[0, ids.shape[1] :].tolist())


@pytest.mark.parametrize("max_batch", [1, 2, 5, 64])
def test_draws_do_not_depend_on_the_batch_nor_on_the_order(max_batch: int) -> None:
    model = _model("llama", torch.float64)
    sampling = Sampling(max_new_tokens=15, seed=1)
    requests = _requests()
    whole = _engine(model, 9).generate(requests, sampling, step=7)
    order = [4, 0, 8, 2, 6, 1, 3, 7, 5]
    other = _engine(model, max_batch).generate([requests[place] for place in order], sampling, step=7)
    assert [completion.tokens for completion in other] == [whole[place].tokens for place in order]
    assert [c.logprobs for c in other] == [pytest.approx(whole[place].logprobs, rel=1e-9) for place in order]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_prompts_begin_with_alike_is_computed_once(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = [(5 * place + place * place) % 60 for place in range(40)]
    tails = [(60, 1), (2,), (), (61, 62, 3), (4, 4, 4)]
    prompts = [(*document[:seen], *tail) for seen, tail in zip((8, 8, 19, 33, 40), tails, strict=True)]
    requests = [Request(prompt, place, sample) for place, prompt in enumerate(prompts) for sample in range(4)]
    engine = _engine(_model(family, torch.float64), max_batch=8)
    prefilled, logits = list[int](), engine._logits

    def record(ids: torch.Tensor, positions: torch.Tensor, purpose: Prefill | Decode) -> torch.Tensor:
        if isinstance(purpose, Prefill):
            prefilled.append(ids.numel())
        return logits(ids, positions, purpose)

    monkeypatch.setattr(engine, "_logits", record)
    sampling = Sampling(max_new_tokens=12, seed=2)
    drawn = engine.generate(requests, sampling, step=3)
    beginnings = {prompt[:length] for prompt in prompts for length in range(1, len(prompt) + 1)}
    # What else was computed: the last token of a prompt whose samples did not fit at once, or that another goes on.
    again = sum(prefilled) - len(beginnings)
    assert 0 <= again <= len(prefilled) - len(prompts) + 1
    for request, completion in zip(requests, drawn, strict=True):
        (alone,) = engine.generate([request], sampling, step=3)
        assert completion.tokens == alone.tokens
        assert completion.logprobs == pytest.approx(alone.logprobs, rel=1e-12)


def test_draws_depend_on_step_seed_prompt_and_sample() -> None:
    engine = _engine(_model("llama", torch.float64))
    base = Request((1, 2, 3), 0, 0)
    sampling = Sampling(max_new_tokens=30)

    def tokens(request: Request, sampling: Sampling = sampling, step: int = 0) -> tuple[int, ...]:
        return engine.generate([request], sampling, step)[0].tokens

    others = [
        tokens(base),
        tokens(base, step=1),
        tokens(base, sampling.model_copy(update={"seed": 1})),
        tokens(Request((1, 2, 3), 1, 0)),
        tokens(Request((1, 2, 3), 0, 1)),
    ]
    assert len(set(others)) == 5
    assert tokens(base) == others[0]


def test_a_completion_ends_at_eos_at_a_stop_string_or_at_the_limit() -> None:
    model = _model("llama", torch.float64)
    engine = _engine(model)
    requests = [Request((1, 2, 3), 0, sample) for sample in range(40)]
    plain = engine.generate(requests, Sampling(max_new_tokens=60))
    assert {completion.stop_reason for completion in plain} == {"stop", "length"}
    for completion in plain:
        assert (completion.tokens[-1] == 63) == (completion.stop_reason == "stop")
        assert 63 not in completion.tokens[:-1]
        assert completion.text == Letters().decode(completion.tokens)
    long = next(completion for completion in plain if len(completion.text) > 20)
    stop = long.text[10:12]
    sampling = Sampling(max_new_tokens=60, stop=(stop, "no such"))
    for before, after in zip(plain, engine.generate(requests, sampling), strict=True):
        if stop in before.text:
            assert after.stop_reason == "stop_string"
            assert after.text == before.text[: before.text.index(stop)]
            assert len(after.tokens) == before.text.index(stop) + 2
        else:
            assert (after.tokens, after.text, after.stop_reason) == (before.tokens, before.text, before.stop_reason)


def test_the_sampled_distribution_is_the_models() -> None:
    model = _model("llama", torch.float64)
    requests = [Request((5, 6), 0, sample) for sample in range(4000)]
    drawn = _engine(model, 4000).generate(requests, Sampling(max_new_tokens=1))
    with torch.no_grad():
        expected = torch.softmax(model(torch.tensor([[5, 6]])).logits[0, -1], -1).numpy()
    counts = np.bincount([completion.tokens[0] for completion in drawn], minlength=64)
    # Chi-square with 63 degrees of freedom: 120 is passed once in 20,000 runs, and the draws are fixed.
    assert ((counts - 4000 * expected) ** 2 / (4000 * expected)).sum() < 120


def test_noise_is_uniform_and_without_pattern() -> None:
    prompts, samples = np.divmod(np.arange(200_000), 16)
    for numbers in (uniforms(0, 0, prompts, samples, 0), uniforms(9, 3, prompts * 0, samples, np.arange(200_000))):
        assert numbers.min() >= 0
        assert numbers.max() < 1
        assert abs(numbers.mean() - 0.5) < 0.003
        assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.01
        assert np.histogram(numbers, 100)[0].std() < 70
    assert uniforms(1, 2, np.array([3]), np.array([4]), 5)[0] == pytest.approx(
        uniforms(1, 2, np.array([3]), np.array([4]), np.array([5]))[0]
    )


def test_a_closed_engine_has_let_go_of_its_weights() -> None:
    engine = _engine(_model("llama", torch.float32))
    engine.close()
    assert all(parameter.is_meta for parameter in engine._model.parameters())
    with pytest.raises(ValueError, match="no weights yet"):
        engine.generate([Request((1,), 0)], Sampling())


def test_what_cannot_be_generated_is_refused() -> None:
    model = _model("llama", torch.float32)
    fresh = EmbeddedEngine(model.config, Letters())
    with pytest.raises(ValueError, match="no weights yet"):
        fresh.generate([Request((1,), 0)], Sampling())
    with pytest.raises(ValueError, match="an empty prompt"):
        _engine(model).generate([Request((), 0)], Sampling())
    weights = dict(model.named_parameters())
    name, value = next(iter(weights.items()))
    with pytest.raises(ValueError, match=f"weights lack {name}"):
        fresh.update_weights({key: value for key, value in weights.items() if key != name}, 0)
    with pytest.raises(ValueError, match="shape"):
        fresh.update_weights({**weights, name: value[:-1]}, 0)
    windowed = AutoConfig.for_model("mistral", **SHAPE, sliding_window=16)
    with pytest.raises(BadInput, match="sliding_window"):
        EmbeddedEngine(windowed, Letters())
