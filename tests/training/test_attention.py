"""No path lets one document see another."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from pipeline.errors import BadInput
from support import tiny
from support.steps import build
from training import compat
from training.attention import NAME, check_config, document_attention
from training.model import load_model_config
from training.rows import make_rows

MODELS = ["llama", "llama-tied", "qwen-tied"]


def plain(model, settings):
    """transformers' own model with the same weights and its own attention: the oracle."""
    config = load_model_config(settings, Path("."))
    oracle = AutoModelForCausalLM.from_config(config, dtype=torch.float64, attn_implementation="sdpa")
    oracle.load_state_dict(model.model.state_dict())
    return oracle


def logits(model, rows):
    return model.model.get_output_embeddings()(model.hidden(rows))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("checkpointing", [False, True])
def test_packed_logits_and_gradients_are_those_of_separate_documents(world, name, checkpointing):
    settings = tiny.settings(name, activation_checkpointing=checkpointing)
    model = build(world, settings)
    oracle = plain(model, settings)
    tokens, mask, bounds = data = tiny.sequences(3, seed=1)
    rows = tiny.rows_of(data, 0, 3)
    packed = logits(model, rows)
    loss = model(rows)
    loss.backward()
    separate, total = [], 0.0
    for row in range(3):
        for first, end in zip(bounds[row], bounds[row][1:], strict=False):
            document = torch.from_numpy(tokens[row : row + 1, first:end])
            alone = oracle(document, use_cache=False).logits[0]
            separate.append(alone)
            labels = torch.from_numpy(np.where(mask[row, first:end], tokens[row, first + 1 : end + 1], -100))
            total = total + torch.nn.functional.cross_entropy(alone, labels, reduction="sum", ignore_index=-100)
    total.backward()
    torch.testing.assert_close(packed, torch.cat(separate), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(loss, total, rtol=1e-9, atol=1e-12)
    gradients = dict(oracle.named_parameters())
    for key, parameter in model.model.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[key].grad, rtol=1e-9, atol=1e-12)


def test_changing_one_document_changes_no_other_ones_loss(world):
    model = build(world, tiny.settings())
    tokens = np.random.default_rng(0).integers(0, tiny.VOCAB, (1, 25))
    bounds = [np.array([0, 9, 24], dtype=np.int32)]
    second = np.zeros((1, 24), bool)
    second[0, 9:] = True

    def loss_of_second(tokens):
        return model(make_rows(tokens, second, bounds))

    before = loss_of_second(tokens)
    changed = tokens.copy()
    changed[0, :9] = (changed[0, :9] + 7) % tiny.VOCAB
    assert torch.equal(before, loss_of_second(changed))
    embeddings = model.model.get_input_embeddings()
    grown = torch.autograd.grad(loss_of_second(tokens), embeddings.weight)[0]
    only_first = sorted(set(tokens[0, :9]) - set(tokens[0, 9:24]))
    assert only_first
    assert not grown[only_first].any()


def test_attention_is_refused_without_bounds_or_with_what_it_would_ignore():
    query = torch.zeros(1, 2, 4, 8)
    bounds = torch.tensor([0, 4], dtype=torch.int32)
    with pytest.raises(ValueError, match="without document bounds"):
        document_attention(torch.nn.Identity(), query, query, query, None)
    for option in ({"sliding_window": 2}, {"softcap": 30.0}, {"s_aux": query}):
        with pytest.raises(ValueError, match=next(iter(option))):
            document_attention(
                torch.nn.Identity(), query, query, query, None, cu_seqlens=bounds, max_seqlen=4, **option
            )


def test_a_model_called_without_bounds_does_not_run(world):
    model = build(world, tiny.settings())
    with pytest.raises(ValueError, match="without document bounds"):
        model.model(torch.zeros(1, 4, dtype=torch.int64))


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"model_type": "mistral", "sliding_window": 16}, "sliding_window: 16"),
        ({"model_type": "gemma2"}, "layer_types"),
        ({"model_type": "gpt_oss"}, "layer_types"),
        ({"model_type": "cohere"}, "logit_scale: 0.0625"),
        ({"model_type": "llama", "attention_dropout": 0.1}, "attention_dropout: 0.1"),
        ({"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1}, "layer"),
        ({"model_type": "llama", "rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1.0}}, "ro"),
    ],
)  # fmt: skip
def test_models_with_other_attention_are_refused_by_name(config, named):
    config = dict(config)
    with pytest.raises(BadInput, match=named):
        check_config(AutoConfig.for_model(config.pop("model_type"), **config))


def test_soft_caps_are_refused_by_name():
    config = AutoConfig.for_model("llama")
    config.final_logit_softcapping = 30.0
    with pytest.raises(BadInput, match=r"final_logit_softcapping: 30\.0"):
        check_config(config)


@pytest.mark.parametrize("new", [True, False])
def test_varlen_attention_equals_the_loop_over_documents(monkeypatch, new):
    """The CUDA branch's layout and arguments, with the kernel replaced by its definition."""
    import torch.nn.attention.varlen as varlen

    def kernel(query, key, value, cu_q, cu_k, max_q, max_k, *, scale, window_size, enable_gqa=False):
        assert window_size == (-1, 0)
        assert cu_q is cu_k
        assert enable_gqa is new
        outputs = []
        for first, end in zip(cu_q.tolist(), cu_q.tolist()[1:], strict=False):
            q, k, v = (tensor[first:end].transpose(0, 1) for tensor in (query, key, value))
            outputs.append(
                torch.nn.functional.scaled_dot_product_attention(
                    q, k, v, is_causal=True, scale=scale, enable_gqa=enable_gqa
                )
            )
        return torch.cat(outputs, 1).transpose(0, 1)

    monkeypatch.setattr(varlen, "varlen_attn", kernel)
    monkeypatch.setattr(compat, "FALLBACKS", set() if new else {"varlen_gqa"})
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(1, heads, 12, 8, generator=generator) for heads in (4, 2, 2))
    bounds = torch.tensor([0, 5, 6, 12], dtype=torch.int32)
    loop, _ = document_attention(torch.nn.Identity(), query, key, value, None, cu_seqlens=bounds, max_seqlen=12)
    parts = [tensor[0].transpose(0, 1) for tensor in (query, key, value)]
    out = compat.varlen_attention(*parts, bounds, 12, 8**-0.5)
    torch.testing.assert_close(out, loop[0])


def test_the_attention_function_is_registered():
    from transformers import AttentionInterface

    assert AttentionInterface()[NAME] is document_attention
