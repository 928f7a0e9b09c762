"""Questions with answers for the demo's branch, always the same: `python -m manifests.sample.questions` writes them."""

import json
import random
from pathlib import Path

_PATH = Path(__file__).parent / "questions.jsonl"
_FORMS = (
    ("What is ${a} + {b}$?", "Adding the two numbers gives ${a} + {b} = {sum}$."),
    ("What is ${a} \\cdot {b}$?", "The product is ${a} \\cdot {b} = {product}$."),
    ("Solve $x + {a} = {sum}$.", "Subtract ${a}$ from both sides: $x = {sum} - {a} = {b}$."),
    ("Solve ${a}x = {product}$.", "Divide both sides by ${a}$: $x = {b}$."),
    ("What is the square of {a}?", "The square of ${a}$ is ${a}^2 = {square}$."),
    ("A rectangle is {a} long and {b} wide. What is its area?", "Length times width: ${a} \\cdot {b} = {product}$."),
    ("Find the derivative of $f(x) = {a}x^2 + {b}x$.", "By the power rule, $f'(x) = {double}x + {b}$."),
    ("What is the mean of {a} and {far}?", "Half of the sum: $({a} + {far}) / 2 = {sum}$."),
)  # fmt: skip


def questions(count: int = 160, seed: int = 7) -> str:
    """`count` rows of JSON, each with `question` and `answer`."""
    rng = random.Random(seed)
    rows = []
    for index in range(count):
        a, b = rng.randint(2, 40), rng.randint(2, 40)
        values = {"a": a, "b": b, "sum": a + b, "product": a * b, "square": a * a, "double": 2 * a, "far": a + 2 * b}
        question, answer = (form.format(**values) for form in _FORMS[index % len(_FORMS)])
        rows.append(json.dumps({"question": question, "answer": answer}))
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    _PATH.write_text(questions(), encoding="utf-8")
