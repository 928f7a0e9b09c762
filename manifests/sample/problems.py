"""Worked problems in series: the pages of one series share their wording and differ in their numbers.

They are different problems with different answers, so a deduplicator must keep them all.
"""

from collections.abc import Callable
from fractions import Fraction
from math import comb, gcd, isqrt
from random import Random

from manifests.sample.article import Article
from manifests.sample.numbers import antiderivative, derivative, frac, matrix, plus, poly, signed, value_at

Problem = tuple[str, str]  # title, text


def quadratic(random: Random) -> Problem:
    """A quadratic equation with two integer roots."""
    r, s = random.sample([n for n in range(-9, 10) if n], 2)
    b, c = -(r + s), r * s
    disc = b * b - 4 * c
    root = isqrt(disc)
    return f"Solve $ {poly([1, b, c])} = 0 $", (
        f"Solve $${poly([1, b, c])} = 0$$\n"
        f"Here $p = {b}$, $q = {c}$ and $p^2 - 4q = {b * b} {plus(-4 * c)} = {disc} = {root}^2$.\n\n"
        f"$$x = \\frac{{{-b} \\pm {root}}}{{2}}$$\n"
        f"So $x_1 = \\frac{{{-b + root}}}{{2}} = {(-b + root) // 2}$ and "
        f"$x_2 = \\frac{{{-b - root}}}{{2}} = {(-b - root) // 2}$.\n\n"
        f"Check: ${max(r, s)} {plus(min(r, s))} = {r + s}$, ${max(r, s)} \\cdot {signed(min(r, s))} = {c}$."
    )


def linear_system(random: Random) -> Problem:
    """Two linear equations in two unknowns, by elimination."""
    x, y = random.randint(-7, 7), random.randint(-7, 7)
    a, b, c, d = (random.randint(2, 9) for _ in range(4))
    while a * d == b * c:
        d += 1
    e, f = a * x + b * y, c * x + d * y
    return f"The system ${a}x + {b}y = {e}$, ${c}x + {d}y = {f}$", (
        f"$$\\begin{{aligned}} {a}x + {b}y &= {e} \\\\ {c}x + {d}y &= {f} \\end{{aligned}}$$\n"
        f"Multiply by ${c}$ and by ${a}$: ${a * c}x + {b * c}y = {e * c}$, ${a * c}x + {a * d}y = {f * a}$.\n\n"
        f"Subtract: ${poly([a * d - b * c, 0], 'y')} = {a * f - c * e}$, so $y = {y}$.\n\n"
        f"Insert: ${a}x = {e} {plus(-b * y)} = {a * x}$, so $x = {x}$.\n\n"
        f"Check: ${c} \\cdot {signed(x)} + {d} \\cdot {signed(y)} = {c * x} {plus(d * y)} = {f}$."
    )


def tangent(random: Random) -> Problem:
    """The tangent to a cubic."""
    f = [random.choice([-2, -1, 1, 2, 3]), random.randint(-6, 6), random.randint(-8, 8), random.randint(-9, 9)]
    a = random.choice([-3, -2, -1, 1, 2, 3])
    slope, height = int(value_at(derivative(f), a)), int(value_at(f, a))
    return f"Tangent to $y = {poly(f)}$ at $x = {a}$", (
        f"$$f(x) = {poly(f)}, \\qquad a = {a}$$\n"
        f"Value: $f({a}) = {height}$.\n\nDerivative: $f'(x) = {poly(derivative(f))}$, $f'({a}) = {slope}$.\n\n"
        f"Tangent: $y = {height} {plus(slope)}(x {plus(-a)})$, that is\n"
        f"$$y = {poly([slope, height - slope * a])}$$\n"
        f"At $x = {a + 1}$: tangent ${slope + height}$, curve ${int(value_at(f, a + 1))}$."
    )


def integral(random: Random) -> Problem:
    """The integral of a polynomial."""
    f = [random.choice([-6, -3, 3, 6, 9]), random.randint(-8, 8), random.randint(-9, 9)]
    low = random.randint(-2, 1)
    high = low + random.randint(1, 4)
    primitive = antiderivative(f)
    at_high, at_low = value_at(primitive, high), value_at(primitive, low)
    return f"Integrate ${poly(f)}$ from ${low}$ to ${high}$", (
        f"$$\\int_{{{low}}}^{{{high}}} \\left( {poly(f)} \\right) dx$$\n"
        f"Antiderivative: $F(x) = {poly(primitive)}$.\n\n"
        f"$F({high}) = {frac(at_high)}$, $F({low}) = {frac(at_low)}$.\n\n"
        f"$$F({high}) - F({low}) = {frac(at_high - at_low)}$$\n"
        f"Mean value on $[{low}, {high}]$: ${frac((at_high - at_low) / (high - low))}$."
    )


def euclid(random: Random) -> Problem:
    """A greatest common divisor, line by line."""
    d = random.randint(3, 29)
    a, b = d * random.choice([47, 53, 71, 83, 91, 97]), d * random.choice([13, 19, 27, 29, 34, 38])
    lines: list[str] = []
    m, n = a, b
    while n:
        lines.append(f"{len(lines) + 1}. ${m} = {m // n} \\cdot {n} + {m % n}$")
        m, n = n, m % n
    g = gcd(a, b)
    return f"The greatest common divisor of {a} and {b}", (
        "\n".join(lines) + f"\n\nSo $\\gcd({a}, {b}) = {g}$, and $\\frac{{{b}}}{{{a}}} = {frac(Fraction(b, a))}$.\n\n"
        f"The least common multiple is $\\frac{{{a} \\cdot {b}}}{{{g}}} = {a * b // g}$."
    )


def modular_power(random: Random) -> Problem:
    """A power modulo a number, by squaring."""
    base, exponent, modulus = random.randint(2, 19), random.randint(21, 99), random.choice([23, 29, 31, 37, 41, 43, 47])
    squares = [base % modulus]
    while 2 ** len(squares) <= exponent:
        squares.append(squares[-1] ** 2 % modulus)
    rows = "\n".join(f"| ${2**k}$ | ${value}$ |" for k, value in enumerate(squares))
    used = [k for k in range(len(squares)) if exponent >> k & 1]
    powers = " + ".join(str(2**k) for k in reversed(used))
    factors = " \\cdot ".join(str(squares[k]) for k in reversed(used))
    return f"Compute ${base}^{{{exponent}}}$ modulo ${modulus}$", (
        f"| $k$ | ${base}^k$ mod ${modulus}$ |\n{rows}\n\n${exponent} = {powers}$, so\n"
        f"$${base}^{{{exponent}}} \\equiv {factors} \\equiv {pow(base, exponent, modulus)} \\pmod{{{modulus}}}$$"
    )


def inverse_matrix(random: Random) -> Problem:
    """A two by two inverse and a system solved with it."""
    a, b, c, d = (random.randint(-6, 9) for _ in range(4))
    while a * d == b * c:
        a += 1
    det = a * d - b * c
    u, v = random.randint(-9, 9), random.randint(1, 9)
    inverse = [[Fraction(d, det), Fraction(-b, det)], [Fraction(-c, det), Fraction(a, det)]]
    x, y = inverse[0][0] * u + inverse[0][1] * v, inverse[1][0] * u + inverse[1][1] * v
    return f"Invert the matrix with rows ({a}, {b}) and ({c}, {d})", (
        f"$$A = {matrix([[a, b], [c, d]])}$$\n"
        f"$\\det A = {a} \\cdot {signed(d)} - {signed(b)} \\cdot {signed(c)} = {det}$.\n\n"
        f"$$A^{{-1}} = {matrix(inverse)}$$\n"
        f"For the right-hand side $({u}, {v})$: $x = {frac(x)}$ and $y = {frac(y)}$."
    )


def urn(random: Random) -> Problem:
    """Drawing without putting back."""
    red, blue = random.randint(3, 9), random.randint(3, 9)
    drawn = random.randint(2, 4)
    wanted = random.randint(1, min(drawn, red))
    ways = comb(red, wanted) * comb(blue, drawn - wanted)
    total = comb(red + blue, drawn)
    chosen = f"\\binom{{{red}}}{{{wanted}}} \\binom{{{blue}}}{{{drawn - wanted}}}"
    balls = f"\\binom{{{red + blue}}}{{{drawn}}}"
    mean = Fraction(drawn * red, red + blue)
    return f"An urn with {red} red and {blue} blue balls, {drawn} drawn", (
        f"Of ${red + blue}$ balls ${red}$ are red and ${blue}$ are blue; ${drawn}$ are drawn. "
        f"How likely are exactly ${wanted}$ red ones?\n\n"
        f"$$\\frac{{{chosen}}}{{{balls}}} = \\frac{{{ways}}}{{{total}}} = {frac(Fraction(ways, total))}"
        f" \\approx {ways / total:.4f}$$\n"
        f"Expected: $\\frac{{{drawn} \\cdot {red}}}{{{red + blue}}} = {frac(mean)}$ red balls."
    )


def arithmetic_sum(random: Random) -> Problem:
    """The sum of an arithmetic progression."""
    first, step, count = random.randint(2, 30), random.randint(3, 13), random.randint(15, 60)
    last = first + (count - 1) * step
    return f"Sum of {first}, {first + step}, {first + 2 * step}, … with {count} terms", (
        f"$${first} + {first + step} + {first + 2 * step} + \\cdots + {last}$$\n"
        f"Step ${step}$, terms ${count}$, last term ${first} + {count - 1} \\cdot {step} = {last}$.\n\n"
        f"$$S = \\frac{{{count} \\cdot ({first} + {last})}}{{2}} = {count * (first + last) // 2}$$\n"
        f"Mean: $\\frac{{{first} + {last}}}{{2}} = {frac(Fraction(first + last, 2))}$."
    )


def binary(random: Random) -> Problem:
    """A number in base two and base five."""
    number = random.randint(300, 2000)
    fives, rest = "", number
    rows: list[str] = []
    while rest:
        rows.append(f"| ${rest}$ | ${rest // 5}$ | ${rest % 5}$ |")
        fives, rest = str(rest % 5) + fives, rest // 5
    return f"{number} in base five and base two", (
        "| number | quotient | remainder |\n"
        + "\n".join(rows)
        + f"\n\n${number} = ({fives})_5$ and ${number} = ({number:b})_2$.\n\n"
        f"Digit sums: ${sum(map(int, fives))}$ and ${number:b}$ has ${f'{number:b}'.count('1')}$ ones."
    )


def vertex(random: Random) -> Problem:
    """The vertex of a parabola."""
    a, h, k = random.choice([-3, -2, 2, 3, 4]), random.choice([-5, -4, -3, -2, 2, 3, 4, 5]), random.randint(-9, 9)
    f = [a, -2 * a * h, a * h * h + k]
    kind = "minimum" if a > 0 else "maximum"
    return f"Vertex of $y = {poly(f)}$", (
        f"$$y = {poly(f)} = {a}(x {plus(-h)})^2 {plus(k)}$$\n"
        f"Vertex $({h}, {k})$, a {kind}: ${k}$ at $x = {h}$.\n\n"
        f"Values: $y({h - 1}) = {a + k}$, $y({h + 1}) = {a + k}$, $y({h + 2}) = {4 * a + k}$, $y(0) = {f[2]}$."
    )


def distance(random: Random) -> Problem:
    """Two points: distance, midpoint, line."""
    x1, y1 = random.randint(-9, 9), random.randint(-9, 9)
    dx, dy = random.choice([(3, 4), (5, 12), (8, 6), (8, 15), (12, 9), (7, 24)])
    x2, y2 = x1 + dx, y1 + random.choice([-1, 1]) * dy
    m = Fraction(y2 - y1, dx)
    line = poly([m, y1 - m * x1])
    return f"The points ({x1}, {y1}) and ({x2}, {y2})", (
        f"Distance: $$\\sqrt{{{dx}^2 + {dy}^2}} = \\sqrt{{{dx * dx + dy * dy}}} = {isqrt(dx * dx + dy * dy)}$$\n"
        f"Midpoint: $\\left( {frac(Fraction(x1 + x2, 2))}, {frac(Fraction(y1 + y2, 2))} \\right)$.\n\n"
        f"Slope: $\\frac{{{y2 - y1}}}{{{dx}}} = {frac(m)}$. Line: $y = {line}$."
    )


def trains(random: Random) -> Problem:
    """Two trains that meet."""
    fast, slow = random.choice([80, 90, 100, 120, 140]), random.choice([30, 40, 50, 60, 70])
    hours = random.choice([2, 3, 4, 5, 6])
    far = (fast + slow) * hours
    return f"Two trains, {far} kilometres apart", (
        f"Two stations are ${far}$ km apart. One train leaves at {fast} km/h, another comes towards it at {slow} km/h. "
        f"After $t$ hours they have covered ${fast}t$ and ${slow}t$, together ${fast + slow}t$ kilometres.\n\n"
        f"$${fast}t + {slow}t = {far}, \\qquad t = \\frac{{{far}}}{{{fast + slow}}} = {hours}$$\n"
        f"They meet after ${hours}$ hours, ${fast * hours}$ km from one station and ${slow * hours}$ km from the other."
    )


def mixture(random: Random) -> Problem:
    """Two solutions mixed to a third."""
    weak, strong = random.choice([5, 10, 15, 20]), random.choice([40, 50, 60, 70])
    wanted = random.choice([25, 30, 35])
    litres = strong - weak
    need, rest = wanted - weak, strong - wanted
    return f"{litres} litres of a {wanted} percent solution", (
        f"How much of a ${weak}$ percent and of a ${strong}$ percent solution gives ${litres}$ litres with ${wanted}$ "
        f"percent? With $x$ litres of the strong one,\n\n"
        f"$${strong}x + {weak}({litres} - x) = {wanted} \\cdot {litres}$$\n"
        f"so ${strong - weak}x = {wanted * litres} - {weak * litres} = {(wanted - weak) * litres}$ and $x = {need}$. "
        f"Take ${need}$ litres of the strong and ${rest}$ litres of the weak solution."
    )


SERIES: dict[str, Callable[[Random], Problem]] = {
    "quadratic": quadratic,
    "linear-system": linear_system,
    "tangent": tangent,
    "integral": integral,
    "euclid": euclid,
    "modular-power": modular_power,
    "inverse-matrix": inverse_matrix,
    "urn": urn,
    "arithmetic-sum": arithmetic_sum,
    "binary": binary,
    "vertex": vertex,
    "distance": distance,
    "trains": trains,
    "mixture": mixture,
}


def problems(count: int) -> list[tuple[str, Article]]:
    """`count` problems of every series."""
    found: list[tuple[str, Article]] = []
    for name, write in SERIES.items():
        for number in range(1, count + 1):
            title, text = write(Random(f"problem/{name}/{number}"))
            text = text.replace(": $$", ":\n$$").replace("Solve $$", "Solve\n$$")
            article = Article(f"{name}-{number}", plain_title(title), text, kind="problem", series=name)
            found.append((name, article))
    return found


def plain_title(title: str) -> str:
    """A title without TeX delimiters, as titles are in a browser's tab."""
    return " ".join(title.replace("$", "").replace("{", "").replace("}", "").split())
