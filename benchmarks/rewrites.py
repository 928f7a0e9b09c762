"""Rewrites with a known answer: faithful ones as a model makes them, and ones with one formula or number altered.

Everything is made by rule from texts and a seed: a paraphraser (synonyms, sentences and sections in another order,
prose and lists, headings, labels, delimiters, LaTeX spelled otherwise, numbers in words) and one alteration on top.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from manifests.sample import texts as sample

_FORMULA = re.compile(r"\$\$(?P<display>[^$]+)\$\$|(?<![\\$])\$(?P<inline>(?:[^$\n]|\n(?!\s*\n))+)\$(?!\d)")
_LEFT_ALONE = re.compile(
    rf"{_FORMULA.pattern}|\\\(.+?\\\)|\\\[.+?\\\]|\\begin\{{(?P<name>\w+\*?)\}}.+?\\end\{{(?P=name)\}}"
    r"|`[^`]*`|\\[A-Za-z]+",
    re.DOTALL,
)
"""What an edit of running text does not touch: formulas, code and commands."""
_SYNONYMS = dict(
    pair.split(":")
    for pair in (
        "shows:demonstrates,show:demonstrate,gives:yields,give:yield,get:obtain,so:therefore,because:since,since:because,"
        "hence:thus,thus:hence,also:additionally,but:however,use:apply,uses:applies,using:applying,find:determine,"
        "finds:determines,note:observe,write:express,whole:entire,often:frequently,starts:begins,"
        "simple:straightforward,quick:fast,big:large,needs:requires,need:require,same:identical,"
        "many:numerous,called:known as,exactly:precisely,only:just,compute:calculate,computed:calculated,"
        "computing:calculating,take:choose,follows:results,means:signifies,right:correct,about:roughly,"
        "number of ways:count of ways,that is:in other words,for example:for instance,such as:like,in order to:to,"
        "in general:generally,we have:one has,we get:we obtain,can be written:may be expressed,"
        "let us:we,at once:immediately"
    ).split(",")
)
_SYNONYM = re.compile(
    r"\b(" + "|".join(sorted(map(re.escape, _SYNONYMS), key=len, reverse=True)) + r")\b", re.IGNORECASE
)
_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_NOISE = (
    "Posted by admin on March 14, 2016 at 10:32 am",
    "23 comments",
    "Share on Facebook",
    "Viewed 1,843 times",
    "Home > Articles > Mathematics",
    "Copyright 2009-2017. All rights reserved.",
    "Last updated: 12 May 2015",
    "Leave a reply",
    "Page 2 of 7",
)
_INVENTED_NUMBERS = (
    "About {n} percent of all readers find this surprising.",
    "This was first computed to {n} decimal places.",
    "In practice the value is close to {n}.",
    "The result is known for more than {n} cases.",
)
_INVENTED_FACTS = (
    "By Fermat's little theorem, the same holds in general.",
    "This is a special case of the Riemann hypothesis, which was proved by Euler.",
    "**Theorem (Cauchy).** Every continuous function on a compact space is differentiable.",
    "Theorem. Every bounded sequence of integers converges to a prime.",
    "This follows at once from the Banach fixed point theorem.",
    "As Gauss's lemma shows, the converse is also true.",
    "According to the Hahn-Banach theorem, such an extension always exists.",
    "The identity was discovered by Ramanujan.",
)
_INVENTED_FORMULAS = (
    "Moreover, $e^{i\\pi} + 1 = 0$ holds here.",
    "In particular, $x^n + y^n = z^n$ has no solution.",
    "Therefore we also have $\\lim_{n \\to \\infty} a_n = 17$.",
    "$$\\int_0^1 f(t) \\, dt = \\frac{\\pi^2}{6}$$",
    "It follows that $k \\leq \\sqrt{m}$.",
)


@dataclass(frozen=True)
class Case:
    """A rewrite and what was done to it; `altered` says whether the guard must refuse."""

    original: str
    rewrite: str
    kinds: tuple[str, ...]
    altered: bool


def sample_texts() -> list[str]:
    """Mathematics that this project wrote: its lessons, threads and encyclopaedia articles."""
    articles = [
        *sample.lessons(),
        *sample.read("wiki", "wiki"),
        *sample.read("old", "old"),
        *sample.read("blog", "blog"),
    ]
    articles += sample.read("threads", "thread")
    bodies = [
        "\n\n".join([f"# {article.title}", article.text, *(post.text for post in article.posts)]).strip()
        for article in articles
        if article.math
    ]
    return [_plain(body) for body in bodies]


def _plain(body: str) -> str:
    body = re.sub(r"\[\[(.*?)\|\|.*?\]\]", r"\1", body)
    return re.sub(r"^:: ", "", body, flags=re.MULTILINE).strip()


def cases(texts: list[str], number: int, seed: int) -> Iterator[Case]:
    """`number` faithful and as many altered rewrites of the texts, in turn."""
    rng = random.Random(seed)
    names = list(ALTERATIONS)
    made = tried = 0
    while made < number and tried < 20 * number:
        text = texts[tried % len(texts)]
        tried += 1
        original, rewrite, kinds = faithful(text, rng)
        name = names[made % len(names)]
        changed = ALTERATIONS[name](faithful(text, rng)[1], rng)
        if changed is None or changed == rewrite:
            name = rng.choice(names)
            changed = ALTERATIONS[name](rewrite, rng)
        if changed is None:
            continue
        yield Case(original, rewrite, kinds, False)
        yield Case(text, changed, (name,), True)
        made += 1


def faithful(text: str, rng: random.Random) -> tuple[str, str, tuple[str, ...]]:
    """(original, rewrite, kinds of edits): two to five edits of those below."""
    original = text
    chosen = rng.sample(sorted(FAITHFUL), rng.randint(2, 5))
    for name in [edit for edit in FAITHFUL if edit in chosen]:
        text = FAITHFUL[name](text, rng)
    if rng.random() < 0.25:
        lines = _blocks(original)
        for noise in rng.sample(_NOISE, rng.randint(1, 3)):
            lines.insert(rng.choice([0, len(lines)]), noise)
        original = "\n\n".join(lines)
        chosen.append("noise dropped")
    return original, text, tuple(chosen)


def _prose(text: str, edit: Callable[[str], str]) -> str:
    """The text with its running text edited and its formulas as they are."""
    out: list[str] = []
    place = 0
    for match in _LEFT_ALONE.finditer(text):
        out += [edit(text[place : match.start()]), match[0]]
        place = match.end()
    return "".join([*out, edit(text[place:])])


def _blocks(text: str) -> list[str]:
    """The paragraphs; a formula with an empty line inside is not cut."""
    blocks: list[str] = []
    unclosed = False
    for part in text.split("\n\n"):
        if unclosed:
            blocks[-1] += f"\n\n{part}"
        else:
            blocks.append(part)
        last = blocks[-1]
        depth = 0
        for mark in re.findall(r"\\(?:begin|end)\{", last):
            depth = depth + 1 if mark == "\\begin{" else max(0, depth - 1)  # a text may begin inside an environment
        unclosed = depth > 0 or last.count("\\[") > last.count("\\]") or last.count("$$") % 2 == 1
    return blocks


def _swap_formulas(text: str, swap: Callable[[re.Match[str]], str]) -> str:
    """Formulas in dollars exchanged; a paragraph where it is not plain which dollars belong together stays."""
    return "\n\n".join(
        block if "$" in _FORMULA.sub("", block) else _FORMULA.sub(swap, block) for block in _blocks(text)
    )


def _formulas(text: str, edit: Callable[[str], str]) -> str:
    def swap(match: re.Match[str]) -> str:
        mark = "$$" if match["display"] else "$"
        return f"{mark}{edit(match['display'] or match['inline'])}{mark}"

    return _swap_formulas(text, swap)


def _reword(text: str, rng: random.Random) -> str:
    def swap(match: re.Match[str]) -> str:
        word = match[0]
        if rng.random() < 0.3:
            return word
        new = _SYNONYMS[word.lower()]
        return new[0].upper() + new[1:] if word[0].isupper() else new

    return _prose(text, lambda prose: _SYNONYM.sub(swap, prose))


def _is_prose(block: str) -> bool:
    return not block.startswith(("#", "$$", "|", "-", ">", "```", "\\")) and "\n" not in block


def _sentences(block: str) -> list[str]:
    return re.split(r"(?<=[.!?]) (?=[A-Z$])", block)


def _reorder(text: str, rng: random.Random) -> str:
    blocks = _blocks(text)
    for i, block in enumerate(blocks):
        if _is_prose(block) and len(parts := _sentences(block)) > 2:
            k = rng.randrange(len(parts) - 1)
            parts[k], parts[k + 1] = parts[k + 1], parts[k]
            blocks[i] = " ".join(parts)
    return "\n\n".join(blocks)


def _sections(text: str, rng: random.Random) -> str:
    head, *sections = re.split(r"\n\n(?=## )", text)
    rng.shuffle(sections)
    return "\n\n".join([head, *sections])


def _lists(text: str, rng: random.Random) -> str:
    blocks = _blocks(text)
    for i, block in enumerate(blocks):
        if _is_prose(block) and len(parts := _sentences(block)) > 2 and rng.random() < 0.5:
            mark = rng.choice(["- {}", "* {}", "{n}. {}", "**{n}.** {}"])
            blocks[i] = "\n".join(mark.format(part, n=n) for n, part in enumerate(parts, 1))
        elif block.startswith("- ") and rng.random() < 0.7:
            blocks[i] = " ".join(line.removeprefix("- ").rstrip(".") + "." for line in block.split("\n"))
    return "\n\n".join(blocks)


def _headings(text: str, rng: random.Random) -> str:
    count = 0

    def mark(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return rng.choice([f"## {count}. ", f"### Section {count}: ", f"## {count} ", "### "])

    text = re.sub(r"^## ", mark, text, flags=re.MULTILINE)
    title = rng.choice(
        ["## Overview", "## Key Concepts", "## Introduction and Definitions", "**Summary of the Topic**"]
    )
    return f"{title}\n\n{text}" if rng.random() < 0.5 else text


def _labels(text: str, rng: random.Random) -> str:
    blocks = _blocks(text)
    places = [i for i, block in enumerate(blocks) if _is_prose(block)]
    style = rng.choice(["**Step {}:** {}", "Step {}. {}", "### Step {}\n\n{}", "**Case {}.** {}", "({}) {}"])
    for n, i in enumerate(places[: rng.randint(2, 4)], 1):
        blocks[i] = style.format(n, blocks[i])
    return "\n\n".join(blocks)


def _emphasis(text: str, rng: random.Random) -> str:
    blocks = _blocks(text)
    label = rng.choice(["**Note:** ", "**Explanation.** ", "*Remark.* ", "**Solution:** ", "**Key idea:** "])
    places = [i for i, block in enumerate(blocks) if _is_prose(block)]
    if places:
        k = rng.choice(places)
        blocks[k] = label + blocks[k]
    text = "\n\n".join(blocks)
    return re.sub(
        r"(?<=\. )(In|The|For|If|A) ", lambda match: f"**{match[1]}** " if rng.random() < 0.2 else match[0], text
    )


def _respell(text: str, rng: random.Random) -> str:
    swaps = [
        (r"\\frac(?=\{)", r"\\dfrac"), (r"\\leq\b", r"\\le"), (r"\\le\b", r"\\leq"), (r"\\geq\b", r"\\ge"),
        (r"\\neq\b", r"\\ne"), (r"\\to\b", r"\\rightarrow"), (r"\\ldots", r"\\dots"), (r"\^(\w)(?!\w)", r"^{\1}"),
        (r"_(\w)(?!\w)", r"_{\1}"), (r" = ", "="), ("=", r" \\;=\\; "), (r"(?<![\\\w])\(", r"\\left("),
        (r" \\cdot ", r" \\times "), (r"\\, d([a-z])", r"\\,\\mathrm{d}\1"), (r" \\cdot ", " "), (r"\\mid", "|"),
        (r"(\d)([a-z])", r"\1 \\cdot \2"), (r"\\mathbb\{(\w)\}", r"\\mathbb \1"), (r"\\implies", r"\\Rightarrow"),
    ]  # fmt: skip
    chosen = rng.sample(swaps, 6)

    def edit(tex: str) -> str:
        for pattern, new in chosen:
            if "left" in new:
                if tex.count("(") == tex.count(")") and "\\left" not in tex:
                    tex = re.sub(pattern, new, tex)
                    if "\\left(" in tex:
                        tex = (
                            re.sub(r"\)", r"\\right)", tex)
                            if tex.count("\\left(") == tex.count(")")
                            else tex.replace("\\left(", "(")
                        )
            else:
                tex = re.sub(pattern, new, tex)
        return tex

    return _formulas(text, edit)


def _chains(text: str, rng: random.Random) -> str:
    def split(match: re.Match[str]) -> str:
        tex = match["display"] or match["inline"]
        sides = [side.strip() for side in tex.split("=")]
        if len(sides) < 3 or any(
            mark in tex for mark in ("\\begin", ",", "<", ">", "\\le", "\\ge", "\\quad", "\\text")
        ):
            return match[0]
        if any(side.count("{") != side.count("}") or side.count("(") != side.count(")") or not side for side in sides):
            return match[0]
        if match["display"]:
            rows = " \\\\ ".join(f"&= {side}" for side in sides[1:])
            return f"$$\\begin{{aligned}} {sides[0]} {rows} \\end{{aligned}}$$"
        return " and ".join(f"${left} = {right}$" for left, right in pairwise(sides))

    return _swap_formulas(text, split)


def _spell(text: str, rng: random.Random) -> str:
    def prose(part: str) -> str:
        return re.sub(
            r"(?<![\w.,#/(<>≤≥=+*×·^−–-])(?<![<>≤≥=+*×·^/−–-] )([2-9]|1[0-2])(?= [a-z]{3,})",
            lambda match: _WORDS[int(match[1])] if rng.random() < 0.7 else match[0],
            part,
        )

    def digits(part: str) -> str:
        return re.sub(
            r"(?<=[a-z,] )(three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?= [a-z]{3,})",
            lambda match: str(_WORDS.index(match[1])),
            part,
        )

    return _prose(text, rng.choice([prose, digits]))


def _delimiters(text: str, rng: random.Random) -> str:
    inline = rng.choice(["\\({}\\)", "\\( {} \\)", "$ {} $", "${}$"])
    display = rng.choice(
        ["\\[{}\\]", "\n\\[\n{}\n\\]\n", "$$\n{}\n$$", "\\begin{{equation}}{}\\end{{equation}}", "$${}$$"]
    )

    def swap(match: re.Match[str]) -> str:
        tex = match["display"] or match["inline"]
        return display.format(tex.strip()) if match["display"] else inline.format(tex.strip())

    return _swap_formulas(text, swap)


def _intro(text: str, rng: random.Random) -> str:
    lines = (
        "This section explains the main ideas in order and works through the details.",
        "Let us go through this carefully, one idea at a time.",
        "The following explanation presents the argument in a structured way.",
    )
    head, *rest = _blocks(text)
    return "\n\n".join([head, rng.choice(lines), *rest])


# In this order: what works on `$` must come before the delimiters change.
FAITHFUL: dict[str, Callable[[str, random.Random], str]] = {
    "sections reordered": _sections,
    "sentences reordered": _reorder,
    "reworded": _reword,
    "numbers spelled": _spell,
    "lists": _lists,
    "labels": _labels,
    "headings": _headings,
    "emphasis": _emphasis,
    "introduction": _intro,
    "chains split": _chains,
    "LaTeX respelled": _respell,
    "delimiters": _delimiters,
}


_ANY = re.compile(
    r"\$\$(?P<a>[^$]+)\$\$|(?<![\\$])\$(?P<b>[^$\n]+)\$(?!\d)|\\\((?P<c>.+?)\\\)|\\\[(?P<d>.+?)\\\]"
    r"|\\begin\{equation\}(?P<e>.+?)\\end\{equation\}",
    re.DOTALL,
)


def _one_formula(
    pattern: str, new: Callable[[re.Match[str]], str | None]
) -> Callable[[str, random.Random], str | None]:
    """An alteration of one match of a pattern inside one formula."""

    def alter(text: str, rng: random.Random) -> str | None:
        places = [
            (formula.start(formula.lastgroup or 0), inside)
            for formula in _ANY.finditer(text)
            for inside in re.finditer(pattern, formula[formula.lastgroup or 0])
        ]
        rng.shuffle(places)
        for start, inside in places:
            changed = new(inside)
            if changed is not None and changed != inside[0]:
                return text[: start + inside.start()] + changed + text[start + inside.end() :]
        return None

    return alter


def _one_number(new: Callable[[str, random.Random], str]) -> Callable[[str, random.Random], str | None]:
    """An alteration of one number of the running text, not one that counts a line."""

    def alter(text: str, rng: random.Random) -> str | None:
        taken = [formula.span() for formula in _ANY.finditer(text)]
        found = [
            match
            for match in re.finditer(r"(?<=[a-z,(:] )(?<!Step )(?<!Section )(?<!Case )\d+(?:\.\d+)?(?=[\s,.;)])", text)
            if not any(start <= match.start() < end for start, end in taken)
        ]
        if not found:
            return None
        match = rng.choice(found)
        return text[: match.start()] + new(match[0], rng) + text[match.end() :]

    return alter


def _digit(value: str, rng: random.Random) -> str:
    k = rng.choice([i for i, char in enumerate(value) if char.isdigit()])
    new = rng.choice([digit for digit in "123456789" if digit != value[k]])
    return value[:k] + new + value[k + 1 :]


def _drop_formula(text: str, rng: random.Random) -> str | None:
    found = [match for match in _ANY.finditer(text) if len(re.findall(r"[\w=]", match[0])) > 2]
    if not found:
        return None
    match = rng.choice(found)
    return text[: match.start()].rstrip(" ") + text[match.end() :]


def _drop_symbol(text: str, rng: random.Random) -> str | None:
    found = [match for match in _ANY.finditer(text) if re.fullmatch(r"\s*[A-Za-z]\s*", match[match.lastgroup or 0])]
    if not found:
        return None
    match = rng.choice(found)
    return text[: match.start()].rstrip(" ") + text[match.end() :]


def _swap_symbol(text: str, rng: random.Random) -> str | None:
    letters = sorted(
        {m[1] for f in _ANY.finditer(text) for m in re.finditer(r"(?<![\\a-zA-Z{])([a-zA-Z])(?![a-zA-Z])", f[0])}
    )
    if len(letters) < 2:
        return None
    old, new = rng.sample(letters, 2)
    return _one_formula(rf"(?<![\\a-zA-Z{{]){old}(?![a-zA-Z])", lambda match: new)(text, rng)


def _drop_sentence(text: str, rng: random.Random) -> str | None:
    found = [
        (block, part)
        for block in _blocks(text)
        if _is_prose(block) and len(parts := _sentences(block)) > 1
        for part in parts
        if re.search(r"\$[^$]*[=<>+^][^$]*\$|\\\(.*?[=<>+^].*?\\\)", part)
    ]
    if not found:
        return None
    block, part = rng.choice(found)
    return text.replace(block, block.replace(part, "").replace("  ", " ").strip(), 1)


def _insert(lines: tuple[str, ...]) -> Callable[[str, random.Random], str | None]:
    def alter(text: str, rng: random.Random) -> str | None:
        blocks = _blocks(text)
        line = (
            rng.choice(lines).format(n=rng.choice([37, 73, 146, 289, 1987, 5.83]))
            if "{n}" in lines[0]
            else rng.choice(lines)
        )
        places = [i for i, block in enumerate(blocks) if _is_prose(block)]
        if not places:
            return None
        if rng.random() < 0.5:
            k = rng.choice(places)
            blocks[k] = f"{blocks[k]} {line}"
        else:
            blocks.insert(rng.choice(places), line)
        return "\n\n".join(blocks)

    return alter


_FLIPS = {"+": "-", "-": "+", "\\pm": "\\mp", "\\cdot": "+"}
_TURNS = {
    "<": ">",
    ">": "<",
    "\\leq": "\\geq",
    "\\le": "\\ge",
    "\\geq": "\\leq",
    "\\ge": "\\le",
    "=": "\\neq",
    "\\neq": "=",
}

ALTERATIONS: dict[str, Callable[[str, random.Random], str | None]] = {
    "digit in a formula": _one_formula(r"\d", lambda match: str((int(match[0]) + 1 + len(match.string) % 7) % 10)),
    "digit added to a formula": _one_formula(r"(?<=[ =+({-])\d(?=[ }$)a-z])", lambda match: f"{match[0]}1"),
    "sign flipped": _one_formula(r"(?<=[\w)} ])[+-](?=[ \w\\({])", lambda match: _FLIPS[match[0]]),
    "minus dropped": _one_formula(r"(?<=[=({] )-|^-(?=\w)", lambda match: ""),
    "exponent changed": _one_formula(r"(?<=\^)\{?\w\}?", lambda match: "{3}" if "3" not in match[0] else "{2}"),
    "exponent dropped": _one_formula(r"\^(?:\w|\{\w\})", lambda match: ""),
    "index changed": _one_formula(r"_(?:\w|\{\w\})", lambda match: "_{m}" if "m" not in match[0] else "_{k}"),
    "relation turned": _one_formula(r"<|>|\\leq?\b|\\geq?\b|=|\\neq\b", lambda match: _TURNS.get(match[0])),
    "variable swapped": _swap_symbol,
    "fraction turned": _one_formula(
        r"(?<=frac)\{([^{}]+)\}\{([^{}]+)\}", lambda match: f"{{{match[2]}}}{{{match[1]}}}"
    ),
    "term dropped": _one_formula(r" [+-] [\w^{}]+(?=[ $\\,.)]|$)", lambda match: ""),
    "factor dropped": _one_formula(r"(?<=[ =({])\d(?=[a-z])", lambda match: ""),
    "function changed": _one_formula(r"\\(?:sin|cos|log|ln|max|min|sum|int)\b", lambda match: {
        "\\sin": "\\cos", "\\cos": "\\sin", "\\log": "\\exp", "\\ln": "\\exp", "\\max": "\\min", "\\min": "\\max",
        "\\sum": "\\prod", "\\int": "\\sum"}[match[0]]),
    "formula dropped": _drop_formula,
    "symbol dropped": _drop_symbol,
    "sentence with a formula dropped": _drop_sentence,
    "formula invented": _insert(_INVENTED_FORMULAS),
    "digit in the text": _one_number(_digit),
    "number in the text dropped": _one_number(lambda value, rng: ""),
    "number invented": _insert(_INVENTED_NUMBERS),
    "theorem or name invented": _insert(_INVENTED_FACTS),
}  # fmt: skip
