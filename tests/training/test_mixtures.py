"""The shipped mixtures hold the paper's tables."""

from fractions import Fraction

import pytest

from pipeline.errors import BadInput
from training.data import open_mixture
from training.mixture import load_mixture
from training.shares import Shares
from training.tokenize.formats import layout

TABLES = {
    "octothinker-stable": {
        "megamath-web-pro-max": "0.725",
        "dclm-baseline": "0.1",
        "megamath-text-code-block": "0.1",
        "megamath-qa": "0.05",
        "megamath-code": "0.0125",
        "megamath-translated-code": "0.0125",
    },
    "octothinker-decay-long": {
        "dclm-baseline": "0.05",
        "instruction": "0.1",
        "megamath-web-pro": "0.55",
        "openr1-math-220k": "0.15",
        "am-deepseek-distilled": "0.15",
    },
    "octothinker-decay-short": {
        "dclm-baseline": "0.05",
        "instruction": "0.1",
        "megamath-web-pro": "0.55",
        "openmathinstruct-2": "0.175",
        "numinamath-1.5": "0.1",
        "megamath-qa": "0.025",
    },
    "octothinker-decay-hybrid": {
        "dclm-baseline": "0.05",
        "instruction": "0.1",
        "megamath-web-pro": "0.55",
        "openr1-math-220k": "0.1",
        "openmathinstruct-2": "0.1",
        "numinamath-1.5": "0.1",
    },
}
"""Weights of OctoThinker's stable stage and of its three decay branches (arXiv 2506.20512, Tables 2 and 4)."""


@pytest.mark.parametrize("name", TABLES)
def test_the_weights_are_the_papers(name):
    mixture = load_mixture(name).mixture
    assert {part: component.share for part, component in mixture.components.items()} == {
        part: Fraction(weight) for part, weight in TABLES[name].items()
    }
    assert mixture.sequence_length == 8192


@pytest.mark.parametrize(
    ("name", "steps", "total"), [("octothinker-stable", 50_000, 209.7), ("octothinker-decay-long", 5_000, 21.0)]
)
def test_the_budget_gives_the_papers_tokens(name, steps, total):
    """512 sequences of 8,192 tokens a step; every share holds to less than a sequence at each step's end."""
    mixture = load_mixture(name).mixture
    weights = [component.share for component in mixture.components.values()]
    shares = Shares(tuple(weights))
    assert round(steps * 512 * mixture.sequence_length / 1e9, 1) == total
    for step in (1, 2, 1001, steps):
        counts = shares.counts(step * 512).tolist()
        assert sum(counts) == step * 512
        assert all(abs(count - weight * step * 512) < 1 for count, weight in zip(counts, weights, strict=True))


@pytest.mark.parametrize("name", TABLES)
def test_a_missing_source_says_how_to_make_it(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mixture = load_mixture(name).mixture
    first, component = next(iter(mixture.components.items()))
    with pytest.raises(BadInput) as caught:
        open_mixture(name)
    message = str(caught.value)
    assert (
        f"components.{first}.tokens: 'tokens/{first}': no tokens.json in {tmp_path}/tokens/{first}; make it with"
        in message
    )
    assert f"`mathmill tokenize {component.source} --tokenizer TOKENIZER --out tokens/{first}`" in message


@pytest.mark.parametrize("name", TABLES)
def test_the_commands_that_make_the_sources_are_well_formed(name):
    for component in load_mixture(name).mixture.components.values():
        words = component.source.split()
        fields = [words[i + 1] for i, word in enumerate(words) if word == "--field"]
        assert words[words.index("--format") + 1] == component.format
        assert ("--train-on all" in component.source) == (component.format != "text")
        layout(component.format, tuple(fields))
