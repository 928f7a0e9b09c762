"""Formulas, money and shell variables between dollars; displays; escapes."""

import pytest
from extract.formulas.pages import text_of

BLOCKS = {
    "let $n$ be, $x+1$.": "let $n$ be, $x+1$.",
    "$f(x)=2$ and $k$-th": "$f(x)=2$ and $k$-th",
    "It costs $5 and $10 (US$3).": "It costs \\$5 and \\$10 (US\\$3).",
    "Price: $5-$10; $100,000": "Price: \\$5-\\$10; \\$100,000",
    "export $HOME/bin:$PATH": "export \\$HOME/bin:\\$PATH",
    "19.99$ and 5$": "19.99\\$ and 5\\$",
    "$\\alpha$ costs $5": "$\\alpha$ costs \\$5",
    "\\(a\\) and \\[b\\] then": "$a$ and\n$$b$$\nthen",
    "Text $$a=b$$, where $x$ is.": "Text\n$$a=b$$,\nwhere $x$ is.",
    "$a$$b$": "$a$ $b$",
    "$\\text{if $x$ then}$ ok": "$\\text{if } x \\text{ then}$ ok",
    "use \\begin{equation}\\label{e}a\\tag{1}\\end{equation} ok": "use\n$$a$$\nok",
    "see [1] and [2]": "see [1] and [2]",
    "a regex \\[a-z and words": "a regex \\[a-z and words",
    "already \\$5": "already \\$5",
    "open $x and \\(y": "open \\$x and \\(y",
    "$50%$": "$50\\%$",
}


@pytest.mark.parametrize("block", BLOCKS)
def test_block(block: str) -> None:
    assert text_of(f"<p>{block}</p>") == BLOCKS[block]


SCRIPTS = {
    "<i>x</i><sup>2</sup> + <i>y</i><sup>2</sup> = 1": "$x^2 + y^2 = 1$",
    "the 1<sup>st</sup>, CO<sub>2</sub>, H<sub>2</sub>O, 3 km<sup>2</sup>": "the 1st, CO_2, H_2O, 3 km^2",
    "word<sup>1</sup> and other.<sup>[2]</sup>": "word^1 and other.[2]",
    "10<sup>-3</sup> or 2<sup>n</sup>": "$10^{-3}$ or $2^n$",
    "a<sub>1</sub>, a<sub>2</sub>, …, a<sub>n</sub>, a new one": "$a_1, a_2, \\ldots, a_n$, a new one",
    "x² + y² = z², and 5 m² of land": "$x^2 + y^2 = z^2$, and 5 m² of land",
    "𝑥 = 𝑦 + 1": "$x = y + 1$",
    "(x+1)<sup>2</sup>": "$(x+1)^2$",
    "p<sub>max</sub>": "$p_{\\text{max}}$",
    "$x<sup>2</sup>$": "$x^{2}$",
}


@pytest.mark.parametrize("block", SCRIPTS)
def test_scripts_of_running_text(block: str) -> None:
    assert text_of(f"<p>{block}</p>") == SCRIPTS[block]
