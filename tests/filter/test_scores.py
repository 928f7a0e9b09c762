"""Thresholds on stored scores."""

import numpy as np
import pytest

from pipeline.filter.stage import _verdict
from pipeline.recipe import FilterSettings
from pipeline.scores import below


@pytest.mark.parametrize("bound", [0.1, 0.5, 0.6, 0.7, 0.9])
def test_a_stored_score_that_equals_the_threshold_passes(bound: float) -> None:
    stored = float(np.float32(bound))
    less = float(np.nextafter(np.float32(bound), np.float32(0)))
    settings = FilterSettings(min_math_score=bound, min_language_score=bound, min_chars=0)
    assert _verdict(settings, 100, "en", stored, stored) == (None, None)
    assert _verdict(settings, 100, "en", less, stored)[0] == "language_score"
    assert _verdict(settings, 100, "en", stored, less)[0] == "math"
    assert below({"quality": stored}, {"quality": bound}) is None
    assert below({"quality": less}, {"quality": bound}) == ("quality", less)
