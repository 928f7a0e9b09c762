"""Entropies against their definition, in float64, and windows of long documents."""

import math

import numpy as np
import pytest
import torch

from support import tiny
from training.loss import IGNORE
from training.model import LossModel, build_model, load_model_config, place_model
from training.rpt.entropy import TOP, EntropyModel, entropies, top_values
from training.rpt.pieces import batches, piece_rows, pieces, window_start, windows


def defined(logits, label):
    """The definition, a logit at a time, in Python's floats."""
    logits = sorted(((value, -place) for place, value in enumerate(logits)), reverse=True)

    def entropy(values):
        total = math.fsum(math.exp(value) for value in values)
        return -math.fsum(math.exp(value) / total * math.log(math.exp(value) / total) for value in values)

    values = [value for value, _ in logits]
    logprob = next(value for value, place in logits if place == -label) - math.log(math.fsum(map(math.exp, values)))
    return [entropy(values[:TOP]), entropy(values), logprob, float(-logits[0][1] == label)]


@pytest.mark.parametrize("vocabulary", [5, 16, 61, 1024, 1500, 4096, 5003])
def test_entropies_are_those_of_the_definition(vocabulary):
    generator = torch.Generator().manual_seed(vocabulary)
    hidden = torch.randn(9, 12, generator=generator, dtype=torch.float64)
    head = torch.randn(vocabulary, 12, generator=generator, dtype=torch.float64)
    logits = hidden @ head.T
    labels = torch.cat([logits[:5].argmax(1), torch.arange(4) % vocabulary])
    found = entropies(hidden, head, labels)
    wanted = [defined(row.tolist(), label) for row, label in zip(logits, labels.tolist(), strict=True)]
    np.testing.assert_allclose(found.numpy(), np.array(wanted), rtol=1e-9, atol=1e-12)
    assert found[:5, 3].tolist() == [1] * 5
    single = entropies(hidden.float(), head.float(), labels)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single.numpy(), np.array(wanted), rtol=1e-4, atol=1e-5)


def test_equal_logits_and_sure_ones():
    """All equal: log 16 and log of the vocabulary, and the first token is the guess. One alone: nothing, not below."""
    hidden, labels = torch.ones(3, 1), torch.tensor([0, 1, 2])
    found = entropies(hidden, torch.zeros(2000, 1), labels)
    np.testing.assert_allclose(found[:, 0], math.log(16), rtol=1e-6)
    np.testing.assert_allclose(found[:, 1], math.log(2000), rtol=1e-6)
    assert found[:, 3].tolist() == [1, 0, 0]
    head = torch.zeros(2000, 1)
    head[1] = 300
    sure = entropies(hidden, head, labels)
    assert sure[:, :2].tolist() == [[0, 0]] * 3
    assert sure[:, 2].tolist() == [-300, 0, -300]


@pytest.mark.parametrize(("rows", "size"), [(1, 1025), (3, 1500), (2, 8192), (2, 50257)])
def test_the_largest_are_found_wherever_they_stand(rows, size):
    generator = torch.Generator().manual_seed(size)
    values = torch.randint(-50, 50, (rows, size), generator=generator).float()  # with many equal ones
    values[0, -20:] = 100 + torch.arange(20)  # in the columns that fill no group
    for count in (1, 16):
        found = top_values(values, count).sort(1, descending=True).values
        assert torch.equal(found, values.topk(count, 1).values)


def test_packed_documents_are_measured_as_if_alone(world):
    settings = tiny.settings("qwen-tied")
    config = load_model_config(settings, None)
    model = build_model(settings, config, place_model(world, settings, 1), 3, None, EntropyModel).eval()
    rng = np.random.default_rng(0)
    documents = [rng.integers(0, tiny.VOCAB, length) for length in (2, 40, 9, 33, 5)]
    found = [
        piece
        for place, tokens in enumerate(documents)
        for piece in pieces(place, tokens, np.arange(len(tokens)) > 0, context=16)
    ]
    with torch.no_grad():
        packed = [model(piece_rows(batch, world.device)) for batch in batches(iter(found), 40)]
        alone = [model(piece_rows([piece], world.device)) for piece in found]
        assert len(packed) < len(alone)
        np.testing.assert_allclose(torch.cat(packed), torch.cat(alone), rtol=1e-9, atol=1e-12)
        assert model(piece_rows([], world.device)).shape == (0, 4)
        # The trainer's loss of the same rows is the sum of these log-probs.
        rows = piece_rows(found, world.device)
        loss = LossModel.forward(model, rows)
        np.testing.assert_allclose(-torch.cat(packed)[:, 2].sum(), loss, rtol=1e-9)
        best = model(rows, guesses=3)
    assert best.shape == (len(torch.cat(packed)), 3, 2)
    right = best[:, 0, 1] == rows.labels[rows.labels != IGNORE]
    assert torch.equal(right.double(), torch.cat(packed)[:, 3])


def test_windows_score_each_position_once_with_half_a_context_before_it():
    for length in range(1, 60):
        for context in range(2, 12):
            scored = []
            for first, end, from_ in windows(length, context):
                assert 0 <= first <= from_ < end <= length
                assert end - first <= context
                assert first == 0 or from_ - first >= context // 2
                assert all(window_start(place + 1, context) == first for place in range(from_, end))
                scored += range(from_, end)
            assert scored == list(range(length))


def test_pieces_end_with_the_last_target():
    tokens = np.arange(10, 20)
    targets = np.array([0, 1, 1, 0, 1, 1, 1, 0, 0, 0], bool)
    found = list(pieces(7, tokens, targets, 4))
    assert [(piece.start, piece.tokens.tolist(), piece.offsets.tolist()) for piece in found] == [
        (0, [10, 11, 12, 13], [1, 2, 4]),
        (2, [12, 13, 14, 15], [5, 6]),
    ]
    assert [piece.labels.tolist() for piece in found] == [[11, 12, IGNORE, 14], [IGNORE, IGNORE, 15, 16]]
    assert not list(pieces(7, tokens, np.zeros(10, bool), 4))
