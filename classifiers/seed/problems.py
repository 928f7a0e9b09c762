"""Elementary word problems with their solutions, in plain words."""

import random
from collections.abc import Callable

_PEOPLE = "Maya Tom Lina Omar Kate Raj Nina Paul Sara Leo Ada Max Ivy Jonas Fatima Diego Hana Erik Amara Chen".split()
_THINGS = (
    "apples marbles stickers books pencils cookies coins stamps balloons shells eggs cards cupcakes flowers toys "
    "tickets oranges beads crayons bottles"
).split()

# {p}, {q}: people; {t}: things; {a} > {b} > {c}: numbers; {r}: the answer, the function's value.
_PROBLEMS: tuple[tuple[str, Callable[[int, int, int], int], str], ...] = (
    (
        "{p} has {a} {t}. {q} gives {p} {b} more. How many {t} does {p} have now?",
        lambda a, b, c: a + b,
        "{a} + {b} = {r}",
    ),
    ("{p} had {a} {t} and gave {b} of them to {q}. How many {t} are left?", lambda a, b, c: a - b, "{a} - {b} = {r}"),
    (
        "There are {c} boxes with {b} {t} in each box. How many {t} are there altogether?",
        lambda a, b, c: b * c,
        "{c} x {b} = {r}",
    ),
    (
        "{p} shares {t} equally among {c} friends, and each friend gets {b}. How many {t} were shared?",
        lambda a, b, c: b * c,
        "{b} * {c} = {r}",
    ),
    (
        "{p} is {b} years older than {q}. If {q} is {a} years old, how old will {p} be in {c} years?",
        lambda a, b, c: a + b + c,
        "{a} + {b} + {c} = {r}",
    ),
    (
        "A train travels {a} miles per hour for {c} hours. How far does it travel?",
        lambda a, b, c: a * c,
        "distance = speed times time = {r} miles",
    ),
    (
        "One ticket costs ${b}. {p} buys {c} tickets and pays with ${a}00. How much change does {p} get?",
        lambda a, b, c: a * 100 - b * c,
        "{c} tickets cost {c} x {b}, and the change is {r} dollars",
    ),
    (
        "{p} reads {b} pages a day. How many pages does {p} read in {c} weeks?",
        lambda a, b, c: b * c * 7,
        "{b} x 7 x {c} = {r} pages",
    ),
    (
        "{p} earns ${b} an hour and works {c} hours a day. How much does {p} earn in 5 days?",
        lambda a, b, c: b * c * 5,
        "{b} x {c} x 5 = {r}",
    ),
    (
        "The length of a rectangle is {a} cm and its width is {b} cm. What is its perimeter?",
        lambda a, b, c: 2 * (a + b),
        "2 x ({a} + {b}) = {r} cm",
    ),
    (
        "The sum of two numbers is {a} more than their difference, which is {b}. What is their sum?",
        lambda a, b, c: a + b,
        "the sum is {r}",
    ),
    (
        "{p} thinks of a number, doubles it and adds {b}. The result is twice {a} plus {b}. What is the number?",
        lambda a, b, c: a,
        "2n + {b} = 2 x {a} + {b}, so n = {r}",
    ),
    (
        "A farmer has {a} chickens and {b} cows. How many legs do the animals have in total?",
        lambda a, b, c: 2 * a + 4 * b,
        "2 x {a} + 4 x {b} = {r}",
    ),
    (
        "{p} has twice as many {t} as {q}. Together they have {c} times 3 {t}. How many does {q} have?",
        lambda a, b, c: c,
        "x + 2x = 3x, so x = {r}",
    ),
    (
        "A recipe for {c} people needs {b} eggs per person. How many eggs does {p} need?",
        lambda a, b, c: b * c,
        "{b} x {c} = {r}",
    ),
    ("If {c} pencils cost ${b}.50 each, how much do 2 pencils cost?", lambda a, b, c: 2 * b + 1, "2 x {b}.50 = {r}"),
    (
        "In a class of {a} students, {b} play chess and the rest play football. How many play football?",
        lambda a, b, c: a - b,
        "{a} - {b} = {r}",
    ),
    (
        "{p} walks {b} km every morning and {c} km every evening. How many km does {p} walk in ten days?",
        lambda a, b, c: 10 * (b + c),
        "10 x ({b} + {c}) = {r}",
    ),
    (
        "A tank holds {a} liters. It is filled with {c} buckets of 2 liters. How many more liters fit in?",
        lambda a, b, c: a - 2 * c,
        "{a} - 2 x {c} = {r}",
    ),
    ("What is {c}% of {a}00?", lambda a, b, c: a * c, "{c}/100 x {a}00 = {r}"),
    (
        "{p} and {q} picked {a} {t} in total. {p} picked {b} of them. How many more or fewer did {q} pick?",
        lambda a, b, c: abs(a - 2 * b),
        "{q} picked {a} - {b}, and the difference is {r}",
    ),
    (
        "Half of the {t} in a jar are red. If {a} are red, how many {t} are in the jar?",
        lambda a, b, c: 2 * a,
        "2 x {a} = {r}",
    ),
    (
        "Each side of a square garden is {b} m long. How much fence does {p} need, and what is the area?",
        lambda a, b, c: 4 * b,
        "the perimeter is 4 x {b} = {r} m, and the area is {b} x {b} square meters",
    ),
    ("A number plus {b} equals {a}. Find the number.", lambda a, b, c: a - b, "x + {b} = {a}, so x = {a} - {b} = {r}"),
)
_SOLUTIONS = (
    "Answer: {s}.",
    "Solution: {s}.",
    "So {s}.",
    "We get {s}",
    "{s}\n#### {r}",
    "First write down what is known. Then {s}.",
)


def problem(rng: random.Random) -> str:
    """One problem, two times in three with its solution."""
    statement, answer, solution = rng.choice(_PROBLEMS)
    c, b, a = sorted(rng.sample(range(2, rng.choice((13, 40, 99))), 3))
    a = max(a, 2 * c + 1)
    people = rng.sample(_PEOPLE, 2)
    result = answer(a, b, c)
    slots = {"p": people[0], "q": people[1], "t": rng.choice(_THINGS), "a": a, "b": b, "c": c, "r": result}
    text = statement.format(**slots)
    if rng.random() < 0.67:
        text += rng.choice(("\n", " ")) + rng.choice(_SOLUTIONS).format(s=solution.format(**slots), r=result)
    return text
