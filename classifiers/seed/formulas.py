"""Passages around random formulas, in the ways in which pages write them: TeX, plain text, Unicode."""

import random

_LETTERS = "abcdfghkmnpqrstuvwxyz"
_FUNCTIONS = ("sin", "cos", "tan", "log", "ln", "exp")
_GREEK = ("alpha", "beta", "gamma", "theta", "lambda", "pi", "epsilon", "sigma", "phi", "mu")

# Around {f}, {g}: formulas; {v}: a variable. Written for this project.
_PASSAGES = (
    "Solve for {v}: {f} = {g}.",
    "Let {f} = {g}. Find all values of {v} for which this holds.",
    "We have {f} = {g}, and hence {g} \\ne 0.",
    "Prove that {f} \\le {g} for all real numbers {v}.",
    "Suppose {f} > 0. Then {g} is positive as well, which proves the claim.",
    "Consider the function f({v}) = {f}. Its derivative is {g}.",
    "Evaluate {f} at {v} = 3.",
    "Simplify {f} and write your answer as {g}.",
    "Theorem. If {f} = {g} then {v} is an integer. Proof. Assume the contrary.",
    "Definition. We say that {v} is regular if {f} = {g} for every choice of the constants.",
    "Substituting {f} for {v} we get {g}, so the sum converges.",
    "Step 1: expand {f}. Step 2: collect the terms. Answer: {g}.",
    "It follows from the lemma that {f} is equal to {g}.",
    "Integrate both sides to obtain {f} + C = {g}.",
    "Since {f} = {g}, the two expressions are the same up to a constant.",
    "How do I show that {f} = {g}? I got {g} but the book says {f}.",
    "The general solution is {f}, where {v} is arbitrary; compare {g}.",
    "Factor {f} over the integers. Then find the roots of {g}.",
)


def expression(rng: random.Random, depth: int = 2) -> str:
    """A random TeX expression."""
    v, n = rng.choice(_LETTERS), rng.randint(2, 40)
    if depth == 0 or rng.random() < 0.15:
        return rng.choice((v, str(n), f"{v}_{rng.randint(0, 9)}", f"\\{rng.choice(_GREEK)}", f"{n}{v}", f"{v}_n"))
    left, right = expression(rng, depth - 1), expression(rng, depth - 1)
    return rng.choice(
        (
            f"{left} + {right}",
            f"{left} - {right}",
            f"{left}^{rng.randint(2, 5)}",
            f"{v}^{{{right}}}",
            f"\\frac{{{left}}}{{{right}}}",
            f"\\sqrt{{{left}}}",
            f"\\{rng.choice(_FUNCTIONS)}({left})",
            f"({left})({right})",
            f"\\sum_{{k=1}}^{{n}} {left}",
            f"\\int_0^{{{rng.randint(1, 9)}}} {left} \\, d{v}",
            f"\\lim_{{{v} \\to \\infty}} {left}",
            f"{v}^2 + {n}{v} - {rng.randint(1, 60)}",
            f"|{left}|",
            f"f({left})",
            f"\\{rng.choice(_GREEK)} {left}",
            f"\\mathbb{{R}}^{rng.randint(2, 9)} \\times {v}",
        )
    )


def plain(tex: str) -> str:
    """The expression as people type it without TeX: `(a)/(b)`, `sqrt(x)`, `x^2`, `<=`."""
    for old, new in (
        ("\\frac{", "("),
        ("}{", ")/("),
        ("\\sqrt{", "sqrt("),
        ("\\sum_{k=1}^{n}", "sum from k=1 to n of"),
        ("\\mathbb{R}", "R"),
        ("\\infty", "infinity"),
        ("\\to", "->"),
        ("\\times", "x"),
        ("\\le", "<="),
        ("\\ne", "!="),
        ("\\,", ""),
        ("{", "("),
        ("}", ")"),
        ("\\", ""),
    ):
        tex = tex.replace(old, new)
    return tex


def symbols(tex: str) -> str:
    """The expression with Unicode signs, as word processors leave it."""
    for old, new in (
        ("\\sqrt{", "√("),
        ("\\sum_{k=1}^{n}", "∑"),
        ("\\int_0", "∫"),
        ("\\infty", "∞"),
        ("\\to", "→"),
        ("\\times", "×"),
        ("\\le", "≤"),
        ("\\ne", "≠"),
        ("\\pi", "π"),
        ("\\theta", "θ"),
        ("\\alpha", "α"),
        ("^2", "²"),
        ("^3", "³"),
        (" - ", " − "),
    ):
        tex = tex.replace(old, new)
    return plain(tex)


def formula_passage(rng: random.Random) -> str:
    """One to four sentences around formulas, all in one notation."""
    style = rng.choice(("$", "$", "$", "paren", "$$", "plain", "plain", "symbols"))

    def written(tex: str) -> str:
        forms = {"$": f"${tex}$", "paren": f"\\({tex}\\)", "$$": f"\n\n$${tex}$$\n\n"}
        return forms.get(style) or (plain(tex) if style == "plain" else symbols(tex))

    sentences = []
    for _ in range(rng.randint(1, 4)):
        passage = rng.choice(_PASSAGES)
        if style in ("plain", "symbols"):
            passage = plain(passage.replace("{", "\x01").replace("}", "\x02")).replace("\x01", "{").replace("\x02", "}")
        sentences.append(
            passage.replace("{f}", written(expression(rng)))
            .replace("{g}", written(expression(rng, 1)))
            .replace("{v}", written(rng.choice(_LETTERS)) if style != "$$" else f"${rng.choice(_LETTERS)}$")
        )
    return " ".join(sentences)
