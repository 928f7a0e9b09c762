"""Exercise sheets with answers: each draws other exercises with other numbers."""

from collections.abc import Callable
from fractions import Fraction
from math import comb, factorial, gcd, lcm
from random import Random

from manifests.sample.article import Article
from manifests.sample.numbers import antiderivative, derivative, frac, matrix, poly, value_at

Exercise = tuple[str, str]  # question, answer


def _nonzero(random: Random, limit: int) -> int:
    return random.choice([n for n in range(-limit, limit + 1) if n])


def _expand(random: Random) -> Exercise:
    a, b, c, d = random.randint(1, 4), _nonzero(random, 7), random.randint(1, 5), _nonzero(random, 7)
    product = [a * c, a * d + b * c, b * d]
    asked = random.choice(["Expand", "Multiply out", "Write without brackets:"])
    return f"{asked} $({poly([a, b])})({poly([c, d])})$.", f"${poly(product)}$"


def _factor(random: Random) -> Exercise:
    r, s = sorted((_nonzero(random, 8), _nonzero(random, 8)))
    return (
        f"Factor ${poly([1, -(r + s), r * s])}$.",
        f"$({poly([1, -s])})({poly([1, -r])})$" if r != s else f"$({poly([1, -r])})^2$",
    )


def _fractions(random: Random) -> Exercise:
    a, b = (Fraction(random.randint(1, 9), random.choice([7, 11, 12, 13, 8, 10])) for _ in range(2))
    sign = random.choice(["+", "-", "\\cdot", "\\div"])
    result = {"+": a + b, "-": a - b, "\\cdot": a * b, "\\div": a / b}[sign]
    return f"Compute ${frac(a)} {sign} {frac(b)}$ and simplify.", f"${frac(result)}$"


def _differentiate(random: Random) -> Exercise:
    f = [_nonzero(random, 5), random.randint(-6, 6), random.randint(-9, 9), random.randint(-9, 9)]
    name = random.choice("fgh")
    return f"Differentiate ${name}(x) = {poly(f)}$.", f"${name}'(x) = {poly(derivative(f))}$"


def _integrate(random: Random) -> Exercise:
    f, high = [random.choice([3, 6, 9]), 2 * random.randint(-4, 4), random.randint(-5, 5)], random.randint(1, 4)
    return f"Find $\\int_0^{high} ({poly(f)}) \\, dx$.", f"${frac(value_at(antiderivative(f), high))}$"


def _product(random: Random) -> Exercise:
    a = [[random.randint(-4, 5) for _ in range(2)] for _ in range(2)]
    b = [[random.randint(-4, 5) for _ in range(2)] for _ in range(2)]
    c = [[sum(a[i][k] * b[k][j] for k in range(2)) for j in range(2)] for i in range(2)]
    return f"Multiply the matrices ${matrix(a)} {matrix(b)}$.", f"${matrix(c)}$"


def _determinant(random: Random) -> Exercise:
    m = [[random.randint(-4, 5) for _ in range(3)] for _ in range(3)]
    (a, b, c), (d, e, f), (g, h, i) = m
    det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return f"Compute the determinant ${matrix(m, 'vmatrix')}$.", f"${det}$"


def _divisor(random: Random) -> Exercise:
    a, b = (random.randint(2, 12) * random.choice([6, 10, 14, 15, 21]) for _ in range(2))
    return f"Find $\\gcd({a}, {b})$ and the least common multiple.", f"${gcd(a, b)}$ and ${lcm(a, b)}$"


def _choose(random: Random) -> Exercise:
    n, k = random.randint(6, 14), random.randint(2, 5)
    who = random.choice(["a committee", "a team", "a jury"])
    return (
        f"In how many ways can {who} of ${k}$ be chosen from ${n}$ people?",
        f"$\\binom{{{n}}}{{{k}}} = {comb(n, k)}$",
    )


def _words(random: Random) -> Exercise:
    word = random.choice(["LEVEL", "BANANA", "NOON", "TENNET", "ALGEBRA", "PEPPER", "COFFEE", "MATHS"])
    count = factorial(len(word))
    for letter in set(word):
        count //= factorial(word.count(letter))
    return f"How many different arrangements of the letters of {word} are there?", f"${count}$"


def _geometric(random: Random) -> Exercise:
    a, q = random.randint(2, 12), Fraction(1, random.randint(2, 6)) * random.choice([1, -1])
    return f"Find $\\sum_{{k=0}}^{{\\infty}} {a} \\cdot \\left( {frac(q)} \\right)^k$.", f"${frac(a / (1 - q))}$"


def _logarithm(random: Random) -> Exercise:
    base, power = random.choice([2, 3, 5, 10]), random.randint(2, 5)
    return f"What is $\\log_{{{base}}} {base**power}$?", f"${power}$, because ${base}^{power} = {base**power}$"


def _dice(random: Random) -> Exercise:
    total = random.randint(4, 10)
    ways = sum(1 for i in range(1, 7) for j in range(1, 7) if i + j == total)
    chance, raw = frac(Fraction(ways, 36)), f"\\frac{{{ways}}}{{36}}"
    answer = f"${raw}$" if chance == raw else f"${raw} = {chance}$"
    return f"Two dice are thrown. How likely is the sum ${total}$?", answer


def _slope(random: Random) -> Exercise:
    x1, y1, dx, dy = random.randint(-6, 6), random.randint(-6, 6), random.randint(1, 6), _nonzero(random, 8)
    m = Fraction(dy, dx)
    line = poly([m, y1 - m * x1])
    return f"Find the line through $({x1}, {y1})$ and $({x1 + dx}, {y1 + dy})$.", f"$y = {line}$"


def _limit(random: Random) -> Exercise:
    a, b, c, d = random.randint(1, 9), random.randint(-9, 9), random.randint(1, 9), random.randint(-9, 9)
    top, bottom = poly([a, b, 1], "n"), poly([c, 0, d], "n")
    return f"Find $\\lim_{{n \\to \\infty}} \\frac{{{top}}}{{{bottom}}}$.", f"${frac(Fraction(a, c))}$"


_KINDS: tuple[Callable[[Random], Exercise], ...] = (
    _expand,
    _factor,
    _fractions,
    _differentiate,
    _integrate,
    _product,
    _determinant,
    _divisor,
    _choose,
    _words,
    _geometric,
    _logarithm,
    _dice,
    _slope,
    _limit,
)
_THEMES = (
    "Mixed revision",
    "Warm-up",
    "Weekly sheet",
    "Test preparation",
    "Homework",
    "Repetition",
    "Diagnostic sheet",
)
_OPENINGS = (
    "Work without a calculator. Simplify your answers.",
    "Forty minutes, no notes. Answers are at the end.",
    "Write down every step; an answer alone earns no points.",
    "Start with the exercise that looks easiest to you.",
    "Two of these exercises will come up again in the next lesson.",
    "Check each result in a second way wherever you can.",
)
_HINTS = (
    "If you get stuck, try a smaller number first.",
    "Exercises with fractions: find the common denominator before anything else.",
    "Draw a picture where points or areas occur.",
    "A wrong sign is the most frequent mistake on this sheet.",
    "Compare with a neighbour only after you have finished.",
    "",
)


def sheet(number: int) -> Article:
    """The sheet with this number: six to nine exercises and their answers."""
    random = Random(f"sheet/{number}")
    kinds = random.sample(_KINDS, random.randint(6, 9))
    exercises = [kind(random) for kind in kinds]
    questions = "\n".join(f"{i}. {question}" for i, (question, _) in enumerate(exercises, start=1))
    answers = "\n".join(f"{i}. {answer}" for i, (_, answer) in enumerate(exercises, start=1))
    heading = random.choice(["Answers", "Solutions", "Results"])
    text = f"{random.choice(_OPENINGS)}\n\n{questions}\n\n{random.choice(_HINTS)}\n\n## {heading}\n{answers}"
    return Article(f"sheet-{number:02d}", f"{random.choice(_THEMES)} {number}", text, kind="exercises")
