"""Which positions a step asks at, with which context; and what a step costs."""

import numpy as np
import pytest

from training.flops import Cost, Work
from training.rl import compute
from training.rl.answers import Answer
from training.rl.lessons import Lesson, lesson_rows, shared_documents
from training.rpt.order import PositionOrder
from training.rpt.positions import unmeasured
from training.rpt.questions import split_held_out
from training.rpt.windows import Windows

DOCUMENTS = np.repeat(np.arange(5), [4, 1, 7, 2, 3])


def test_the_first_pass_is_the_given_order_and_others_are_bunches_of_it() -> None:
    order = PositionOrder(DOCUMENTS, 3, seed=0)
    assert order.take(0, 17) == list(range(17))
    passes = [order.take(17 * number, 17) for number in (1, 2)]
    assert passes[0] != passes[1]
    for taken in passes:
        assert sorted(taken) == list(range(17))
        documents = DOCUMENTS[taken].tolist()
        runs = np.split(documents, np.flatnonzero(np.diff(documents)) + 1)
        bunches = sorted(len(run) for run in runs)
        # 4 = 3 + 1, 7 = 3 + 3 + 1; bunches of one document may come to stand side by side.
        assert sum(bunches) == 17
        assert len(runs) <= 8
        assert all(len(run) <= 3 or run[0] in (0, 2) for run in runs)


def test_the_order_is_a_function_of_the_cursor() -> None:
    order = PositionOrder(DOCUMENTS, 2, seed=7)
    whole = order.take(0, 60)
    assert [order.take(cursor, 1)[0] for cursor in range(59, -1, -1)] == whole[::-1]
    assert order.take(13, 30) == whole[13:43]
    assert PositionOrder(DOCUMENTS, 2, seed=8).take(17, 17) != whole[17:34]


@pytest.mark.parametrize(("limit", "hop"), [(1, 1), (8, 4), (8, 8), (100, 33)])
def test_windows_hold_as_much_as_they_may_and_neighbours_share_their_start(limit: int, hop: int) -> None:
    windows = Windows(limit, hop)
    starts = [windows.start(offset) for offset in range(1, 1000)]
    lengths = [offset - start for offset, start in enumerate(starts, start=1)]
    assert starts[:limit] == [0] * limit
    assert starts == sorted(starts)
    assert all(start % hop == 0 for start in starts)
    assert max(lengths) == limit
    assert min(lengths[limit:]) == limit - hop + 1
    counts = np.unique(starts[limit : limit + 5 * hop], return_counts=True)[1]
    assert set(counts.tolist()) == {hop}


def test_a_document_is_held_out_whole_and_by_its_ordinal_alone() -> None:
    documents = np.repeat(np.arange(2000), 3)
    positions = unmeasured(documents, np.tile(np.arange(1, 4), 2000))
    kept, held = split_held_out(positions, 0.25, seed=3)
    assert len(kept) + len(held) == len(positions)
    assert not set(kept.document.tolist()) & set(held.document.tolist())
    assert 0.22 < len(held) / len(positions) < 0.28
    fewer, _ = split_held_out(positions.take(np.arange(0, 6000, 2)), 0.25, seed=3)
    assert set(fewer.document.tolist()) <= set(kept.document.tolist())


def _answer(group: int, prompt: int, tokens: int, segment: int, prefix: int) -> Answer:
    ids = tuple(range(10, 10 + prompt))
    return Answer(
        *(0, group, 0, ids, (5,) * tokens, (0.0,) * tokens, "stop", 0, "", "", "", 1.0, True, "ok"),
        segment=segment,
        prefix_length=prefix,
    )


def test_a_segments_document_is_its_longest_prefix_once() -> None:
    answers = [_answer(0, 6, 2, 0, 5), _answer(1, 9, 1, 0, 8), _answer(2, 4, 1, 1, 2), _answer(3, 4, 1, -1, 3)]
    assert shared_documents(answers, num_head=2) == {0: Lesson(tuple(range(10, 18)), 2)}
    rows = lesson_rows([Lesson((1, 2, 3, 4), 2), Lesson((5, 6), 1)], 0.5, "cpu")
    assert rows.input_ids.tolist() == [1, 2, 3, 5]
    assert rows.labels.tolist() == [-100, 3, 4, 6]
    assert rows.position_ids.tolist() == [0, 1, 2, 0]
    assert rows.cu_seqlens.tolist() == [0, 3, 4]
    assert rows.weights.tolist() == [0.0, 0.5, 0.5, 0.5]
    beside = lesson_rows([Lesson((1, 2, 3, 4, 5, 6), 4, context=(1, 3))], 0.5, "cpu", 0.25)
    assert beside.labels.tolist() == [2, 3, -100, 5, 6]
    assert beside.weights.tolist() == [0.25, 0.25, 0.0, 0.5, 0.5]


def test_flops_are_those_of_tokens_keys_and_logits() -> None:
    cost = Cost(layers=100, head=10, attention=3)
    assert cost.forward(Work(tokens=2, keys=5, logits=1)) == 2 * 100 * 2 + 2 * 10 * 1 + 4 * 3 * 5
    # A prompt of 3 for two answers, of 2 tokens and of 1: read once, then one token decoded behind 3.
    answers = [_answer(0, 3, 2, -1, 0), _answer(0, 3, 1, -1, 0)]
    prefill, decode = Work(3, 1 + 2 + 3, 1), Work(1, 4, 1)
    spent = compute.drawn(cost, answers)
    assert (spent.prefilled, spent.generated) == (3, 3)
    assert spent.flops == cost.forward(prefill) + cost.forward(decode)
    # Trained each with its prompt: 4 and 3 tokens in, forward and backward.
    alone = compute.of_update(cost, answers, None, None)
    assert alone.trained == 7
    assert alone.flops == 3 * (cost.forward(Work(4, 10, 2)) + cost.forward(Work(3, 6, 1)))
