"""Passages full of numbers and signs that are no mathematics: prices, tables, code, hex, schedules."""

import random
import re
from collections.abc import Callable
from pathlib import Path

_NAMES = "count total index value buffer user item result data node name key path size config flag".split()
_CITIES = "Rovers,City,United,Athletic,Wanderers,Tigers,Eagles,Bulls,Lakers,Sharks".split(",")
_BLOCKS = {
    block.split("\n", 1)[0]: block.strip().split("\n", 1)[1].split(",")
    for block in (Path(__file__).parent / "catalogue.txt").read_text(encoding="utf-8").split("# ")[1:]
}
_QUALITIES, _BRANDS, _PHRASES = (_BLOCKS.pop(name) for name in ("qualities", "brands", "shop phrases"))
_UNITS = (" mm", " kg", " lbs", " V", " W", " Hz", " mAh", "°", " GHz", " dB")
_DETAILS = ("Yes", "No", "Black", "2 x AA", "1 x cable", "4 x screws", "steel")
_SIZES = ("W", "D", "H", "L", '"W', '"D', '"H', " mm", " cm", " in", '"')
_CODE = (
    "def {a}({b}, {c}={i}):\n    for {d} in range({i}):\n        {b}.append({d} * 2)\n    return {b}[{c}]",
    "import numpy as np\n{a} = np.zeros(({i}, {j}))\n{a}[0, :] = {b}.mean(axis=0)\nprint({a}.shape)",
    "const {a} = await fetch(`/api/{b}/${{id}}`);\nif (!{a}.ok) {{ throw new Error('{c}'); }}\nreturn {a}.json();",
    'for (int i = 0; i < {a}; i++) {{\n  {b}[i] = {c} + i * {i};\n  printf("%d\\n", {b}[i]);\n}}',
    "SELECT {a}, COUNT(*) AS {b} FROM {c}s WHERE {d} > {i} GROUP BY {a} ORDER BY {b} DESC LIMIT {j};",
    "$ sudo apt-get install {a}-dev\n$ ./configure --prefix=/usr/local && make -j{i}\n$ {b} --help | less",
    "<?php\n${a} = $_POST['{b}'];\nif (${a} == {i}) {{ echo \"${a} is $${b}\"; }}\n?>",
    "$(document).ready(function() {{ $('#{a}').click(function() {{ $('.{b}').toggle({i}); }}); }});",
    "let mut {a}: Vec<u32> = Vec::new();\n{a}.push({i});\nmatch {a}.get({j}) {{ Some(x) => dbg!(x), None => 0 }}",
    "public class {A} {{\n  private final int {b} = {i};\n  public int get() {{ return this.{b} + {j}; }}\n}}",
    "apiVersion: v1\nkind: Service\nmetadata:\n  name: {a}\nspec:\n  ports:\n    - port: {i}\n      targetPort: {j}",
    '{{"{a}": {i}, "{b}": ["{c}", "{d}"], "enabled": true, "ratio": 0.{j}}}',
    "#include <vector>\nstd::vector<int> {a}({i});\nauto it = std::find({a}.begin(), {a}.end(), {j});",
    'Traceback (most recent call last):\n  File "{a}.py", line {i}\n    {b} = {c}[{j}]\nIndexError: out of range',
    '#!/bin/bash\nfor f in *.{a}; do echo "$f: $(wc -l < $f)"; done\nexport {B}=${{{B}:-{i}}}',
)


def _code(rng: random.Random) -> str:
    a, b, c, d = rng.sample(_NAMES, 4)
    slots = {
        "a": a,
        "b": b,
        "c": c,
        "d": d,
        "A": a.title(),
        "B": b.upper(),
        "i": rng.randint(1, 900),
        "j": rng.randint(1, 90),
    }
    return f"```\n{rng.choice(_CODE).format(**slots)}\n```"


def _draw(rng: random.Random, template: str) -> str:
    """The template with every `{a-b}` replaced by a number from a to b."""
    return re.sub(r"\{(\d+)-(\d+)\}", lambda match: str(rng.randint(int(match[1]), int(match[2]))), template)


def _product(rng: random.Random, things: list[str]) -> str:
    words = [rng.choice(_BRANDS)] if rng.random() < 0.4 else []
    words += [*rng.sample(_QUALITIES, rng.randint(0, 2)), rng.choice(things)]
    return " ".join(words) + (
        f" {rng.choice('ABCDGHKLMNPQRSTVXZ')}{rng.randint(2, 9900)}" if rng.random() < 0.2 else ""
    )


def _price(rng: random.Random, currency: str) -> str:
    amount = f"{int(10 ** rng.uniform(0.5, 3.2))}" + rng.choice(("", ".99", ".00", ".50"))
    return f"{amount} €" if currency == "€" else f"{currency}{amount}"


def _prices(rng: random.Random) -> str:
    """A shop's list: names, prices, stars, sizes, sale signs."""
    things = rng.choice(list(_BLOCKS.values()))
    currency = rng.choice(("$", "$", "$", "US $", "£", "€"))
    break_ = rng.choice((" ", "\n", " - ", " | "))
    rows = []
    for _ in range(rng.randint(4, 24)):
        row = [_product(rng, things)]
        extras: tuple[Callable[[], str], ...] = (
            lambda: _price(rng, currency),
            lambda: _price(rng, currency) + rng.choice(("", " +", " each", " (was " + _price(rng, currency) + ")")),
            lambda: f"{rng.randint(30, 50) / 10} ({rng.randint(1, 9000)})",
            lambda: rng.choice(_PHRASES),
            lambda: f"{rng.randint(5, 70)}% off",
            lambda: f"{rng.randint(2, 20)} colors",
            lambda: f"{rng.randint(2, 100)} {rng.choice(('pk', 'ct', 'oz', 'pcs', 'x 2 pack', 'ml', 'lb', 'GB'))}",
        )
        row += [extra() for extra in rng.choices(extras, weights=(6, 3, 2, 2, 1, 1, 1), k=rng.randint(1, 4))]
        rows.append(break_.join(row))
    return "\n".join(rows)


def _sizes(rng: random.Random) -> str:
    """Dimensions and technical data of a product."""
    rows = []
    for _ in range(rng.randint(3, 14)):
        unit = rng.choice(_SIZES)
        sides = [f"{rng.randint(2, 120)}{rng.choice(('', '', '.5', '.25'))}{unit}" for _ in range(rng.randint(2, 3))]
        name = rng.choice(
            (
                "Overall dimensions",
                "Seat height",
                "Twin XL",
                "King",
                "Queen",
                "Item",
                "Package",
                "Screen",
                "Box",
                "Size",
            )
        )
        rows.append(f"{name}{rng.choice((': ', ' ', ' | '))}{' x '.join(sides)}")
        if rng.random() < 0.6:
            value = f"{rng.randint(1, 900)}{rng.choice(_UNITS)}"
            feature = rng.choice(
                (
                    "Weight",
                    "Scale",
                    "Power",
                    "Maximum load",
                    "Battery",
                    "Minimum width",
                    "Radius",
                    "Bit set",
                    "Frequency",
                )
            )
            rows.append(f"{feature}: {value}, {rng.choice(_DETAILS)}")
    return f"{_product(rng, rng.choice(list(_BLOCKS.values())))}. " + rng.choice(("\n", " ")).join(rows)


def _shop(rng: random.Random) -> str:
    """Shop words without numbers: categories, brands and commands."""
    things = [thing for block in rng.sample(list(_BLOCKS.values()), 2) for thing in block]
    words = rng.sample(things, 12) + rng.sample(_PHRASES, 8) + rng.sample(_BRANDS, 4)
    rng.shuffle(words)
    return rng.choice(("\n", " | ", ", ", "\n- ")).join(words)


def _league(rng: random.Random) -> str:
    rows = ["| Pos | Team | P | W | D | L | GF | GA | Pts |"]
    for place, team in enumerate(rng.sample(_CITIES, 8), 1):
        rows.append("| " + " | ".join([str(place), team, *(str(rng.randint(1, 70)) for _ in range(7))]) + " |")
    return "\n".join(rows)


def _scores(rng: random.Random) -> str:
    home, away = rng.sample(_CITIES, 2)
    return _draw(
        rng,
        f"{home} {{70-130}}, {away} {{70-130}}. The {home} shot {{30-60}}.{{0-9}}% from the field and outscored the "
        f"{away} {{20-40}}-{{10-30}} in the fourth quarter. They are {{1-50}}-{{1-40}} this season and have won "
        "{3-9} of their last 10 games.",
    )


def _stocks(rng: random.Random) -> str:
    rows = []
    for _ in range(rng.randint(4, 12)):
        ticker = "".join(rng.choice("ABCDEFGHJKLMNPQRSTVWXYZ") for _ in range(rng.randint(3, 4)))
        price, change, percent, volume = (rng.uniform(-limit, limit) for limit in (900, 9, 5, 90))
        rows.append(f"{ticker} {abs(price):.2f} {change:+.2f} ({percent:+.2f}%) Vol {abs(volume):.1f}M")
    return "\n".join(rows)


def _hexdump(rng: random.Random) -> str:
    rows = [
        f"{16 * row:08x}  {' '.join(f'{rng.randrange(256):02x}' for _ in range(16))}"
        for row in range(rng.randint(4, 16))
    ]
    return "\n".join([f"0x{rng.getrandbits(160):040x}", *rows])


def _schedule(rng: random.Random) -> str:
    rows = [
        f"{rng.randint(6, 22)}:{rng.choice(('00', '15', '30', '45'))} Platform {rng.randint(1, 14)}"
        for _ in range(rng.randint(5, 15))
    ]
    return "\n".join(rows)


def _changelog(rng: random.Random) -> str:
    rows = [_draw(rng, "## {0-9}.{0-30}.{0-12} ({2012-2027}-{10-12}-{10-28})")]
    for _ in range(rng.randint(3, 9)):
        verb = rng.choice(
            ("Fixed a crash in", "Added support for", "Removed the deprecated", "Improved performance of", "Renamed")
        )
        rows.append(f"- {verb} `{rng.choice(_NAMES)}_{rng.choice(_NAMES)}` (#{rng.randint(10, 9999)})")
    return "\n".join(rows)


def _contact(rng: random.Random) -> str:
    return _draw(
        rng,
        "Call us at ({200-989}) 555-{1000-9999} or visit {1-9900} Oak Street, Suite {1-400}. "
        "Open Monday to Friday {7-10} am - {4-9} pm, Saturday {9-11}-{1-5}. "
        "ISBN 978-{0-9}-{100-999}-{10000-99999}-{0-9}, order no. {1000000-9999999}.",
    )


def _nutrition(rng: random.Random) -> str:
    return _draw(
        rng,
        "Calories {90-900}, total fat {1-40} g, sodium {10-900} mg, carbs {2-90} g, "
        "fiber {0-12} g, sugar {0-40} g, protein {1-50} g. "
        "1/2 cup oats, 1 1/4 cups milk, {1-4} tbsp honey, 3/4 tsp salt.",
    )


def _statistics(rng: random.Random) -> str:
    return _draw(
        rng,
        "About {11-89} percent of respondents said yes, up from {5-60} percent in {1990-2020}. "
        "Exports fell by {1-30}.{0-9}% to ${2-900} million, while imports rose to ${2-900} million. "
        "The town has {1-90},{100-999} inhabitants and an area of {5-900} square kilometers.",
    )


def _fill(rng: random.Random, templates: tuple[str, ...], least: int, most: int, joint: str) -> str:
    """Some of the templates; `0` becomes a number, `{t}` a thing that is sold, `{b}` a brand, `{s}` a team."""
    rows = []
    for _ in range(rng.randint(least, most)):
        text = rng.choice(templates).format(
            t=rng.choice(rng.choice(list(_BLOCKS.values()))).lower(), b=rng.choice(_BRANDS), s=rng.choice(_CITIES)
        )
        rows.append(
            "".join(str(int(10 ** rng.uniform(0.1, 2.6))) if character == "0" else character for character in text)
        )
    return joint.join(rows)


_CONSUMER = (
    "How much does a {t} cost? Most cost between $0 and $0, and the average price is about $0.",
    "How many {t} reviews are there? In total more than 0 people have rated this {t}, 0 of them this month.",
    "How long does it take? Allow 0 to 0 minutes for each {t}, and twice as much if you are new to it.",
    "How much do they charge per hour? They charge $0 an hour for the first two hours and $0 for each additional hour.",
    "On average each customer spends $0 a year on {b}, almost twice as much as five years ago.",
    "{b} sold 0,000 units in the first half of the year, three times as many as in the same period last year.",
    "That is $0 less than the {b} model, and you get two more of each {t}.",
    "Each box contains 0 {t}s, a total of 0 pieces; how many you need depends on the number of guests.",
    "There are 0 rooms in total, and each of them sleeps two to four people for $0 per night.",
    "The group rate is $0 per person for groups of 0 or more; children under 0 pay half the price.",
    "Plan for 0 plates and 0 glasses, that is, one for each guest plus a few more.",
    "In total 0 workers lost their jobs, a quarter of the total number, and 0 more will follow by the end of the year.",
    "Every second household now owns at least one {t}, compared with one in 0 in 2000.",
    "With a top speed of 0 mph and a range of 0 miles it needs 0 kWh per 100 miles.",
    "0. What is the return policy? You have 0 days to send back any {t}.",
    "Repair cost: $0-$0+. Replacement cost: $0-$00+ for each {t}. Prices vary by area.",
    "The {s} won 0-0 after trailing by 0 points at half time, and scored 0 of the last 0 points.",
    "The {s} lost 0 of their first 0 games by a total of 0 points.",
    "The probability of rain is 0 percent on Friday, with a chance of snow of one in 0.",
    "The battery of the {t} lasts 0 hours and charges in 0 minutes, half an hour faster than before.",
    "How many calories are in a slice of pizza? About 0, and twice that with extra cheese.",
    "The speed limit is 0 km per hour; the distance to the next town is 0 km.",
    "Save $0 when you buy two or more. Limit 0 per customer. Value set of 0.",
)
_ENTRIES = (
    "#0 The Last {t} 2000 1h 0m R 0.0 (0K) Rate",
    "0. {b} ({b}, 2000), 0 episodes, 0/10",
    "{s} 0-0 .0 0.0 W0 L0 00-0",
    "{s} vs {s}, Sat 0 Nov, 0:00 PM, odds -0 +0 over/under 0.5",
    "Engineer at {b}, 0 days ago, $0k - $0k, remote, 4 x 0 hr days",
    "{b} {t} #0000 [0 left] {t} part number 0000-00",
    "2000 2000 2000 2000 2000 2000 2000 2000 2000",
    "http://www.example.com/{b}/0/index.html",
    "https://shop.example.org/p/0?ref={b}",
    "{b} Award 2000, Winner: {b} | {t} | {t} + {t}, Honoree",
    "[0] {b}, A., and {b}, B. ({b} Press, 2000), pp. 0-0. doi:10.0/0",
    "{b} KR0E-0 {t} 0 lumens, item number {b}-0, $0,000.00",
    "Vol. 0, No. 0 (2000): {b} Review 0(0), 0-0",
    "{b} 0 mg tablets, 0 x 0, 0 ml, lot 0",
    "{b}, {b} A. 1900. The {t}: A History of the {t}, ed. J. {b}. New York: {b} University Press, 2000. https://example.org/0",
    "{b}, R. E., & {b}, K. (1900). Concerning the {t}. {b} Encyclopedia (Fall 2000 ed.), 0-0. www.example.org/{b}/0",
    "Why every {t} needs a {t} | {b} | Mar 0, 2000 | 0 min read",
    "2000-01 2001-02 2002-03 2003-04 2004-05 2005-06 regular season {s}",
    "{s} {s} 0 0 .000 0.0 W0 L0 conference 0-0 division",
    "Kernels 0.0.0, 0.00.0 and 0.0.000 released [posted Mar 0, 2000 0:00 UTC by {b}] 0 comments",
    "{b} {t} from $0+ ({b} {t}, 0-drawer) $0+ {t} set $0",
    "{t} $0 {t} black $0 brown {t} $0 {t} grey $0",
    '{t} 0 1/8x0 5/8 "',
    "Best {t}s of 2000: one for each budget, from less than $0 to more than $0",
)
_NOTES = (
    "The {t} was first made by {b} in the last century.^0",
    "Early makers used wood[0], later ones metal[^0] and, by the end of the war, plastic^0.",
    "[^0]: See {b}, p. 0.",
    "^0 This is a footnote with more detail about the {t}.",
    "According to {b},[0] demand has never been higher.[0][0]",
    "{b} improved the {t}^0 and nobody noticed^0 until it was too late.",
)


def _consumer(rng: random.Random) -> str:
    return _fill(rng, _CONSUMER, 3, 9, rng.choice((" ", "\n", "\n\n")))


def _entries(rng: random.Random) -> str:
    template = (rng.choice(_ENTRIES),) if rng.random() < 0.7 else _ENTRIES
    return _fill(rng, template, 4, 25, "\n")


def _notes(rng: random.Random) -> str:
    return _fill(rng, _NOTES, 3, 8, rng.choice((" ", "\n")))


_PASSAGES: tuple[Callable[[random.Random], str], ...] = (
    *(
        _code,
        _code,
        _code,
        _consumer,
        _consumer,
        _consumer,
        _entries,
        _entries,
        _notes,
        _prices,
        _prices,
        _sizes,
        _sizes,
        _shop,
        _league,
        _scores,
        _stocks,
        _hexdump,
        _schedule,
        _changelog,
        _contact,
        _nutrition,
        _statistics,
    ),
)


def code_passage(rng: random.Random) -> str:
    """A listing of code in a fence; pages on mathematics have such, too."""
    return _code(rng)


def number_passage(rng: random.Random) -> str:
    """One such passage."""
    return rng.choice(_PASSAGES)(rng)
