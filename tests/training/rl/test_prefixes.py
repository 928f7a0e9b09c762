"""Shared prefixes: loss and every gradient are those of answers computed each with its own prompt (float64)."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from support import tiny
from support.prefixes import HEAD, learn, position_answers, settings
from training.flops import Cost
from training.prefix import attend
from training.prefix import branches as branch_attention
from training.prefix.branches import BranchAttention, Crossing, Layout, SpineKeys
from training.rl import compute, update
from training.rl.lessons import Language
from training.rl.prefix.plan import Group, find_segments, plan, work

NESTED = {4: [0, 3, 7, 7, 20], 9: [11, 30], 12: [0]}
"""Two positions with one context, one that sees no document, a segment of one position."""


def assert_equal(one, other, relative=1e-9):
    """Losses, log-probs, figures and each parameter's gradient, the latter against its largest element."""
    assert one[0] == pytest.approx(other[0], rel=relative)
    assert one[1].keys() == other[1].keys()
    for name, gradient in other[1].items():
        np.testing.assert_allclose(
            one[1][name], gradient, rtol=relative, atol=relative * np.abs(gradient).max(), err_msg=name
        )
    assert one[2].keys() == other[2].keys()
    for key, values in other[2].items():
        assert one[2][key] == pytest.approx(values, rel=relative)
    assert one[3] == pytest.approx(other[3], rel=relative)


@pytest.fixture
def passes_made(monkeypatch):
    """The spines and passes of branches that were computed in this process."""
    made = []
    group_rows = update.group_rows

    def record(group: Group, *args):
        made.append(group)
        return group_rows(group, *args)

    monkeypatch.setattr(update, "group_rows", record)
    return made


@pytest.mark.parametrize("name", ["llama", "llama-tied", "qwen-tied"])  # two key heads serve four heads in each
@pytest.mark.parametrize("checkpointing", [False, True])
def test_loss_and_gradients_are_the_naive_ones(world, passes_made, name, checkpointing):
    answers = position_answers(NESTED)
    naive = learn(world, settings(False, model=name, activation_checkpointing=checkpointing), answers)
    assert not passes_made
    # Several groups of several passes, and branches cut between passes.
    shared = learn(world, settings(True, 40, model=name, activation_checkpointing=checkpointing), answers)
    assert max(len(group.passes) for group in passes_made) > 2
    assert len(passes_made) > 2
    assert_equal(shared, naive)


@pytest.mark.parametrize(
    ("family", "dtype"),
    [
        ("qwen2", "float64"),
        ("gpt_neox", "float64"),
        ("olmo2", "float64"),
        ("phi3", "float64"),
        ("qwen3_moe", "float32"),
    ],
)
def test_other_families_share_too(world, passes_made, monkeypatch, family, dtype):
    none = dict.fromkeys(["pad_token_id", "bos_token_id", "eos_token_id"])
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24} if "moe" in family else {}
    monkeypatch.setitem(tiny.CONFIGS, family, tiny.LLAMA | none | experts | {"model_type": family})
    naive = learn(world, settings(False, model=family, dtype=dtype), position_answers(NESTED))
    shared = learn(world, settings(True, model=family, dtype=dtype), position_answers(NESTED))
    assert passes_made
    assert_equal(shared, naive, 1e-9 if dtype == "float64" else 1e-5)


def test_the_documents_own_loss_comes_from_the_same_pass(world, passes_made):
    answers, language = position_answers(NESTED), Language(weight=0.3, num_head=len(HEAD))
    naive = learn(world, settings(False), answers, language)
    shared = learn(world, settings(True), answers, language)
    assert passes_made
    assert_equal(shared, naive)
    plain = learn(world, settings(True), answers)
    assert not np.allclose(plain[1]["lm_head.weight"], shared[1]["lm_head.weight"])


@pytest.mark.parametrize(
    "positions",
    [
        {0: [4, 9, 15], 1: [2, 5, 8, 12, 17]},  # a document of 3 positions on one rank, one of 5 on the other
        {0: [3, 6, 9, 12, 15, 18], 1: [20], 2: [21], 3: [22]},  # one group of many passes, three of few
        {0: [4, 9, 15]},  # cut: both ranks compute the spine
        {0: [2, 5, 8, 12, 17]},
    ],
)
def test_two_ranks_equal_one_process_without_sharing(world, two_ranks, positions):
    answers, language = position_answers(positions), Language(weight=0.3, num_head=len(HEAD))
    naive = learn(world, settings(False), answers, language)
    ranks = two_ranks.run(learn, settings(True, 50, activation_checkpointing=True), answers, language)
    for rank in ranks:
        assert_equal(rank, naive)


def test_a_rank_without_answers_makes_the_same_calls(world, two_ranks):
    (answer, *_) = position_answers({0: [6]})
    alone = dataclasses.replace(answer, segment=-1, group=5)
    language = Language(weight=0.3, num_head=len(HEAD))  # with it even one answer has something to share
    for answers, learned in (([alone], None), ([answer], language), ([alone, *position_answers({1: [40]})], None)):
        naive = learn(world, settings(False), answers, learned)
        for rank in two_ranks.run(learn, settings(True, 50), answers, learned):
            assert_equal(rank, naive)


def test_every_process_makes_the_same_calls_within_the_budget():
    answers = position_answers(NESTED, samples=4) + position_answers({20: list(range(1, 30, 3))}, seed=1, samples=2)
    answers = [dataclasses.replace(answer, group=place) for place, answer in enumerate(answers)]
    for num_processes, max_tokens in itertools.product([1, 2, 3, 7, 100], [1, 40, 10_000]):
        plans = plan(find_segments(answers), num_processes, max_tokens)
        assert len(plans) == num_processes
        assert len({tuple(len(group.passes) for group in groups) for groups in plans}) == 1
        held = [
            answer
            for groups in plans
            for group in groups
            for branches in group.passes
            for spine, branch in branches
            for answer in branch.answers
            if group.segments[spine].spine[: branch.length] + branch.tail == answer.prompt_tokens[:-1]
        ]
        assert sorted(answer.group for answer in held) == list(range(len(answers)))
        for group in itertools.chain(*plans):
            spines = sum(len(segment.spine) for segment in group.segments)
            assert spines <= max_tokens // 4 or len(group.segments) == 1
            for branches in group.passes:
                tokens = sum(branch.num_tokens for _, branch in branches)
                count = sum(len(branch.answers) for _, branch in branches)
                assert tokens <= max(max_tokens - spines, max_tokens // 4) or count <= 1


def test_the_bill_is_that_of_the_scheme():
    lengths, samples = [10, 20, 30], 4
    answers = position_answers({0: lengths}, samples=samples)
    tails = sum(len(answer.prompt_tokens) - answer.prefix_length for answer in answers[::samples])
    drawn = sum(len(answer.tokens) for answer in answers)
    segments = find_segments(answers)
    total = sum(part.tokens for part in work(segments))
    # I + T + Σ (s + G·R), but for the last token of each tail: it is computed with each answer, whose last one is not.
    assert total == len(HEAD) + max(lengths) + tails - len(lengths) + drawn
    cost = Cost(layers=1, head=0, attention=0)
    assert compute.of_update(cost, answers, None, segments).trained == total
    assert compute.of_update(cost, answers, None, segments).flops == 6 * total
    # The engine reads the whole of tails, and the samples of a prompt share its last token too.
    assert compute.drawn(cost, answers).prefilled == len({a.prompt_tokens[:n] for a in answers for n in range(99)}) - 1


def test_prefixes_that_do_not_nest_are_refused():
    answers = position_answers({0: [5, 9]})
    broken = dataclasses.replace(answers[0], prompt_tokens=(60, *answers[0].prompt_tokens[1:]))
    with pytest.raises(ValueError, match="segment 0: the first 10 tokens of the prompt of group 0 are no prefix"):
        find_segments([broken, *answers[1:]])


def test_too_little_to_share_is_not_shared(world, passes_made):
    answers = [dataclasses.replace(answer, segment=-1) for answer in position_answers(NESTED)]
    learn(world, settings(True), answers)
    assert not passes_made


def test_a_model_that_does_not_allow_it_falls_back_with_a_line(world, passes_made, capsys, monkeypatch):
    update._say.cache_clear()
    answers = position_answers(NESTED)
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: None)  # what matters is that it was asked for
    compiled = learn(world, settings(True, compile=True), answers)
    assert not passes_made
    line = "prefixes are not shared, every answer is computed with its own prompt: model.compile"
    assert capsys.readouterr().out.count(line) == 1
    assert_equal(compiled, learn(world, settings(False), answers))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"model_type": "gpt2", "n_embd": 32, "n_layer": 2, "n_head": 4}, "transformer.drop: dropout 0.1"),
        (
            {
                "model_type": "deepseek_v3",
                "hidden_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "num_key_value_heads": 4,
                "first_k_dense_replace": 2,
                "q_lora_rank": 8,
                "kv_lora_rank": 8,
                "qk_nope_head_dim": 8,
                "qk_rope_head_dim": 8,
                "v_head_dim": 8,
                "intermediate_size": 32,
            },
            "deepseek_v3: keys and values of different widths",
        ),
        ({"model_type": "qwen2", "hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2}, None),
    ],
)
def test_why_a_model_does_not_allow_it(fields, reason):
    from transformers import AutoConfig, AutoModelForCausalLM

    from training import attention
    from training.model import decoder_layers
    from training.prefix.keep import why_unshared

    values = {"vocab_size": 61, "eos_token_id": 1, "bos_token_id": 1, "pad_token_id": None, **fields}
    config = AutoConfig.for_model(values.pop("model_type"), **values)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, attn_implementation=attention.NAME)
    found = why_unshared(model, decoder_layers(model), compiled=False)
    assert found is None if reason is None else found.startswith(reason)


def _random(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("causal", [False, True])
def test_parts_by_matrix_products_are_those_of_the_fused_kernel(monkeypatch, causal):
    monkeypatch.setattr(attend, "_SCORES", 300)  # chunks of 5 and of 4 queries
    query, grad = _random(4, 13, 8), _random(4, 13, 8) * 2
    key, value = _random(2, 13 if causal else 17, 8), _random(2, 13 if causal else 17, 8) * 3
    output, logsum = attend.attend(query, key, value, causal, 0.3)
    mine, mine_logsum = attend.attend_in_chunks(query, key, value, causal, 0.3)
    torch.testing.assert_close(mine, output, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(mine_logsum, logsum, rtol=1e-12, atol=1e-12)
    expected = attend.attend_backward(grad, query, key, value, output, logsum, causal, 0.3)
    found = attend.attend_in_chunks_backward(grad, query, key, value, output, logsum, causal, 0.3)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_gradients_of_the_spine_gather_in_float32():
    """In bfloat16 a hundred passes of equal gradients add up; sums in bfloat16 would stand still at 2⁸ times a term."""
    module = torch.nn.Module()
    module.layer_idx = 0
    half = torch.bfloat16
    key, value = _random(1, 2, 6, 8, dtype=half), _random(1, 2, 6, 8, dtype=half) * 2
    spine = SpineKeys([(key, value)])
    layout = Layout(documents=((0, 3),), crossings=(Crossing((0, 3), (1, 6), (3, 3)),))
    attention = BranchAttention(layout, spine)
    own = [_random(1, heads, 3, 8, dtype=half).requires_grad_() for heads in (4, 2, 2)]
    gradients = []
    for _ in range(500):
        attention(module, *own, 0.3).sum().backward()
        gradients.append(spine.leaves[0][1].grad.clone())
    assert gradients[0].dtype == torch.float32
    assert gradients[0][:, :, 0].abs().max() == 0, "the first key is not seen"
    torch.testing.assert_close(gradients[-1], gradients[0] * 500, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_in_the_types_of_real_runs_sharing_is_no_less_exact(world, two_ranks, monkeypatch, dtype):
    answers = position_answers(NESTED)
    exact = learn(world, settings(False), answers)

    def error(result) -> float:
        return max(np.abs(result[1][key] - value).max() / np.abs(value).max() for key, value in exact[1].items())

    naive = error(learn(world, settings(False, dtype=dtype), answers))
    assert 0 < naive < (1e-5 if dtype == "float32" else 0.1)
    assert error(learn(world, settings(True, dtype=dtype), answers)) < 2 * naive
    assert error(two_ranks.run(learn, settings(True, dtype=dtype), answers)[0]) < 2 * naive
    monkeypatch.setattr(branch_attention, "attend", attend.attend_in_chunks)
    monkeypatch.setattr(branch_attention, "attend_backward", attend.attend_in_chunks_backward)
    assert error(learn(world, settings(True, dtype=dtype), answers)) < 2 * naive


def test_a_grpo_run_shares_its_prompts_and_ends_with_the_same_weights(world, tmp_path, monkeypatch):
    from support.checkpoints import tensors
    from support.rl import write_run
    from training.checkpoint import complete_checkpoints
    from training.rl.train import train_rl_in

    shared, decide = [], update.shared_segments
    monkeypatch.setattr(update, "shared_segments", lambda *args: shared.append(decide(*args)) or shared[-1])
    for share in (True, False):
        parallel = {"micro_batch_tokens": 60, "share_prefixes": share}
        train_rl_in(world, write_run(tmp_path / str(share), num_steps=2, parallel=parallel), tmp_path / f"out-{share}")
        assert all((segments is not None) == share for segments in shared)
        assert shared
        shared.clear()
    one, other = (tensors(complete_checkpoints(tmp_path / f"out-{share}")[-1]) for share in (True, False))
    for key, weights in one.items():
        np.testing.assert_allclose(weights, other[key], rtol=1e-9, atol=1e-13)
