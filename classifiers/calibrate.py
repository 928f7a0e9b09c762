"""Fit the calibration of a model, so that 0.5 is a sensible threshold.

Platt scaling (Platt 1999) over the log-odds. Both sides weigh the same, and within a side every source: a score of 0.5
is the point at which a page is as likely to come from either side. The sources should be others than those of the
training.
"""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from classifiers.card import Calibration, Card, card_path, held_out_path, read_card, write_card
from classifiers.dataset import Labelled, cut_at, read_labelled
from classifiers.evaluate import evaluate_model
from classifiers.model import Model, log_odds

_STEPS = 500
_NAMED_SOURCES = 50
_LONGEST_STEP = 0.25  # Newton's method overshoots where nearly all scores are at one of the ends
_RIDGE = 1e-3  # keeps separable data from asking for an infinite slope


def fit_calibration(probabilities: Sequence[float], positive: Sequence[bool], sources: Sequence[str]) -> Calibration:
    """Scale and offset of the least weighted log loss, for fastText probabilities, their truths and their sources.

    Raises:
        ValueError: one side is missing, or the probabilities do not rise with the truth.
    """
    if not 0 < sum(positive) < len(positive):
        raise ValueError("calibration needs texts of both sides")
    texts = Counter(zip(positive, sources, strict=True))
    groups = Counter(truth for truth, _ in texts)
    weights = [0.5 / groups[truth] / texts[truth, source] for truth, source in zip(positive, sources, strict=True)]
    odds = [log_odds(probability) for probability in probabilities]
    scale, offset = 1.0, 0.0
    for _ in range(_STEPS):
        slope_offset, slope_scale, curve, mixed, curve_scale = 0.0, _RIDGE * scale, _RIDGE, 0.0, _RIDGE
        for x, truth, weight in zip(odds, positive, weights, strict=True):
            score = 1.0 / (1.0 + math.exp(-(scale * x + offset)))
            slope_offset += weight * (score - truth)
            slope_scale += weight * (score - truth) * x
            curve += weight * score * (1.0 - score)
            mixed += weight * score * (1.0 - score) * x
            curve_scale += weight * score * (1.0 - score) * x * x
        determinant = curve * curve_scale - mixed * mixed
        step_offset = (curve_scale * slope_offset - mixed * slope_scale) / determinant
        step_scale = (curve * slope_scale - mixed * slope_offset) / determinant
        shrink = min(1.0, _LONGEST_STEP / max(abs(step_offset), abs(step_scale), 1e-12))
        offset, scale = offset - shrink * step_offset, scale - shrink * step_scale
        if abs(step_offset) + abs(step_scale) < 1e-9:
            break
    if not scale > 0:
        raise ValueError(f"the probabilities fall where they should rise (scale {scale:.3f}); check the labels")
    return Calibration(scale=round(scale, 4), offset=round(offset, 4))


def calibrate(path: Path, rows: Sequence[Labelled]) -> Card:
    """Fit the calibration of the model at `path` and write its card anew, the figures on the texts held out too.

    Raises:
        ValueError: no card, no texts of both sides, or probabilities that do not rise with the truth.
    """
    if not card_path(path).is_file():
        raise ValueError(f"{card_path(path)}: no such card; a calibration belongs to a model that was trained here")
    card, model = read_card(card_path(path)), Model(path)
    rows = cut_at(rows, card.cut, card.label.removeprefix("__label__"))
    positive = [f"__label__{row.label}" == card.label for row in rows]
    sources = [row.source for row in rows]
    calibration = fit_calibration([model.probability(row.text) for row in rows], positive, sources)
    on = sorted(set(sources))
    named = on if len(on) <= _NAMED_SOURCES else [f"{len(on)} sources"]
    changed = {"calibration": calibration, "training": {**card.training, "calibrated_on": named}}
    card = card.model_copy(update=changed)
    write_card(card_path(path), card)
    if held_out_path(path).is_file():
        held = list(read_labelled([held_out_path(path)]))
        card = card.model_copy(update={"evaluation": evaluate_model(Model(path), held).as_json()})
        write_card(card_path(path), card)
    return card
