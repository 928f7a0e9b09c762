"""Next-token accuracy: one definition of right in both modes, bands, responses drawn once and kept, curves of runs."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer
from tokenizers.decoders import Fuse
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split

from pipeline.errors import BadInput
from pipeline.progress import Reporter
from training.evaluate.metrics import proportion
from training.evaluate.next_token import Asker, NextTokenProtocol, evaluate_next_token, read_hits
from training.evaluate.results import load_results
from training.evaluate.scaling_report import draw_curves, fit_run, read_points, render_curves
from training.evaluate.table import render_table
from training.rl.rollout import Completion, Request, Sampling, Weights
from training.rpt.carrier import Carrier
from training.rpt.document import Document
from training.rpt.encoding import Encoder
from training.rpt.objectives.next_token import NextToken, NextTokenSettings
from training.rpt.positions import Positions
from training.rpt.selection import Bands
from training.rpt.templates import LoadedRptTemplate

CHARACTERS = "<eos>", *"abcdefgh[]? ", "ab"
VOCABULARY = {token: place for place, token in enumerate(CHARACTERS)}
TEXTS = ("abcdefgh", "hgfedcba", "abababab")


def _tokenizer() -> Tokenizer:
    """A token for each character, and `ab`, which texts are not cut into."""
    tokenizer = Tokenizer(WordLevel(VOCABULARY, unk_token="<eos>"))
    tokenizer.pre_tokenizer = Split(Regex("."), "isolated")
    tokenizer.decoder = Fuse()
    return tokenizer


class Scripted:
    """An engine whose answer is a function of (prompt, sample); it counts what it is asked."""

    def __init__(self, answer: Callable[[str, int], str]) -> None:
        self._answer, self.asked = answer, 0

    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        step: int = 0,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        self.asked += len(requests)
        found = []
        for request in requests:
            text = self._answer("".join(CHARACTERS[token] for token in request.tokens), request.sample)
            tokens = (VOCABULARY[text],) if text in VOCABULARY else tuple(VOCABULARY[letter] for letter in text)
            assert len(tokens) <= sampling.max_new_tokens
            found.append(Completion(tokens, (0.0,) * len(tokens), "stop", text, 0))
        return found

    def update_weights(self, weights: Weights, version: int) -> None:
        raise AssertionError("an evaluation changes no weights")

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture
def asker() -> Asker:
    """Asks behind the document with a `?`; the prediction stands between brackets."""
    tokenizer = _tokenizer()
    encoder = Encoder(tokenizer)
    carrier = Carrier(form="marked", open="[", close="]")
    template = LoadedRptTemplate(tail="?", carrier=carrier, stop=("]",), name="brackets", digest="0")
    objective = NextToken(NextTokenSettings(), template, encoder)
    documents = [
        Document(place, [VOCABULARY[c] for c in text] + [0], encoder.token_bytes) for place, text in enumerate(TEXTS)
    ]
    return Asker(
        lambda document, offset: objective.question(documents[document], offset),
        objective,
        encoder.token_bytes,
        tokenizer,
        "brackets",
    )


def _positions(*places: tuple[int, int, float]) -> Positions:
    document, offset, entropy = zip(*places, strict=True)
    values = np.array(entropy, np.float32)
    return Positions(np.array(document), np.array(offset), values, values, -values)


PLACES = _positions((2, 2, 2.0), (0, 1, 0.6), (0, 2, 1.2), (1, 1, 1.7), (1, 8, 9.0))


def _run(asker: Asker, answer: Callable[[str, int], str], out: Path, **fields: Any) -> tuple[dict[str, Any], int]:
    """Results by band, and how often the engine was asked."""
    bands = Bands(disjoint=fields.pop("disjoint", False))
    places = fields.pop("places", PLACES)
    protocol = NextTokenProtocol(**{"max_new_tokens": 8, **fields})
    engine = Scripted(answer)
    results = evaluate_next_token("tiny", engine, asker, places, protocol, bands, out, Reporter(quiet=True))
    return {result.task.rpartition("-")[2]: result for result in results}, engine.asked


def test_both_modes_are_right_by_bytes_at_a_token_boundary(asker: Asker, tmp_path: Path) -> None:
    # Plain: the merged token `ab` is right where `a` and `b` follow, and it is not the next token.
    plain, _ = _run(asker, lambda prompt, _: {"a": "b", "ab": "ab", "h": "f"}[prompt], tmp_path, mode="plain")
    assert {name: (band.problems, band.pass_at["1"].value) for name, band in plain.items()} == {
        "easy": (4, 0.5),  # one of the five places is followed by the end of its document
        "medium": (3, pytest.approx(1 / 3)),
        "hard": (2, 0.5),
    }
    assert plain["easy"].first_token == proportion([1.0, 0.0, 0.0, 0.0])
    # Reasoning: `cde` is three tokens long and right behind the first `ab`, `f` is wrong, the last says nothing.
    answers = {"a?": "hh[b]", "ab?": "[cde]", "h?": "f"}
    reasoning, _ = _run(asker, lambda prompt, _: answers[prompt], tmp_path)
    assert {name: band.pass_at["1"].value for name, band in reasoning.items()} == {
        "easy": 0.5,
        "medium": pytest.approx(1 / 3),
        "hard": 0.0,
    }
    assert reasoning["hard"].statuses == {"no_answer": 1, "ok": 1}
    assert reasoning["hard"].no_answer == 0.5
    table = render_table([load_results(tmp_path)])
    assert "| tiny | first@1 |" in table
    assert "2 problems; reasoning, greedy, 8 tokens, template brackets, entropy from 1.5 nats" in table


def test_disjoint_bands_share_no_position(asker: Asker, tmp_path: Path) -> None:
    results, _ = _run(asker, lambda *_: "b", tmp_path, mode="plain", disjoint=True)
    assert {name: band.problems for name, band in results.items()} == {"easy": 1, "medium": 1, "hard": 2}
    assert results["easy"].protocol == "plain, likeliest token, entropy from 0.5 to 1 nats"


def test_a_likeliest_token_beyond_the_tokenizer_is_no_answer(
    asker: Asker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model may have more rows than its tokenizer has tokens."""
    beyond = Completion((len(CHARACTERS),), (0.0,), "length", "", 0)
    monkeypatch.setattr(Scripted, "generate", lambda _, requests, *rest: [beyond for _ in requests])
    plain, _ = _run(asker, lambda *_: "", tmp_path, mode="plain")
    assert (plain["easy"].pass_at["1"].value, plain["easy"].statuses) == (0.0, {"no_answer": 4})


def test_every_response_is_kept_and_drawn_once(asker: Asker, tmp_path: Path) -> None:
    def answer(prompt: str, sample: int) -> str:
        return "[b]" if sample % 2 else "[c]"

    first, asked = _run(asker, answer, tmp_path, samples=4, temperature=0.8)
    assert asked == 4 * 4
    assert first["easy"].pass_at["1"] == proportion([0.5, 0.5, 0.0, 0.0])
    again, asked = _run(asker, answer, tmp_path, samples=4, temperature=0.8)
    assert (again, asked) == (first, 0)
    assert _run(asker, answer, tmp_path, samples=4, temperature=1.0)[1] == 16  # another protocol, other responses
    folder = tmp_path / "next-token" / f"reasoning-{first['easy'].protocol_digest}"
    hits = read_hits(folder)
    found = zip(hits.document.tolist(), hits.offset.tolist(), hits.share.tolist(), strict=True)
    assert list(found) == [(0, 1, 0.5), (0, 2, 0.5), (1, 1, 0.0), (2, 2, 0.0)]
    with pytest.raises(BadInput, match="1 positions, and at none of them can brackets ask"):
        _run(asker, answer, tmp_path, places=_positions((1, 8, 9.0)))


def test_curves_of_a_run_are_fitted_over_its_compute(asker: Asker, tmp_path: Path) -> None:
    places = _positions(*((0, offset, 2.0) for offset in range(1, 8)))
    right = {0: 1, 10: 2, 20: 4, 40: 5, 80: 6}
    events = [{"step": step, "compute/flops": 1e9 * step} for step in (10, 20, 40, 80)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    for step, count in right.items():
        _run(
            asker,
            lambda prompt, _, count=count: f"[{TEXTS[0][len(prompt) - 1]}]" if len(prompt) - 1 <= count else "f",
            tmp_path / "evaluations" / f"step-{step:07d}",
            places=places,
        )
    (easy, _, hard) = fit_run(tmp_path, "reasoning", Bands(), num_resamples=100, seed=0)
    assert hard.before == pytest.approx(1 / 7)
    assert hard.accuracy.tolist() == pytest.approx([2 / 7, 4 / 7, 5 / 7, 6 / 7])
    assert hard.compute.tolist() == [1e10, 2e10, 4e10, 8e10]
    assert (hard.fitted.fit.degrees_of_freedom, hard.fitted.num_positions) == (1, 7)
    assert f"| {tmp_path.name} | hard | 7 | 4 | 1 | " in render_curves([easy, hard])
    assert draw_curves([easy, hard], tmp_path / "curves.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_a_band_whose_accuracy_never_changes_is_said_and_has_no_curve(
    asker: Asker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = [{"step": step, "compute/flops": step * 1e9} for step in (10, 20, 40, 80)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    for event in events:
        folder = tmp_path / "evaluations" / f"step-{event['step']:07d}"
        _run(asker, lambda *_: "?", folder, places=PLACES)
    with pytest.raises(BadInput, match="no band has evaluated positions of an accuracy that changes"):
        fit_run(tmp_path, "reasoning", Bands(), num_resamples=100, seed=0)
    assert f"{tmp_path}: hard: accuracy is 0.0% at every point; no curve is fitted\n" in capsys.readouterr().out


def test_points_that_do_not_compare_are_refused(asker: Asker, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 10, "compute/flops": 1e9}\n', encoding="utf-8")
    with pytest.raises(BadInput, match="no next-token evaluations in reasoning mode"):
        read_points(tmp_path, "reasoning")
    for step, places in ((10, PLACES), (20, _positions((0, 1, 2.0)))):
        _run(asker, lambda *_: "f", tmp_path / "evaluations" / f"step-{step:07d}", places=places)
    with pytest.raises(BadInput, match="no compute/flops of step 20"):
        read_points(tmp_path, "reasoning")
    (tmp_path / "metrics.jsonl").write_text(
        '{"step": 10, "compute/flops": 1e9}\n{"step": 20, "compute/flops": 2e9}\n', encoding="utf-8"
    )
    with pytest.raises(BadInput, match="other positions than at step 10"):
        read_points(tmp_path, "reasoning")
