"""Where a response states its final answer: boxes, answer tags, `####`, an announcing phrase, else the last value."""

import re

_TAIL_CHARS = 50_000
"""A final answer stands at the end: this much of a response is searched, so that time is bounded."""
_BOX_CHARS = 10_000
"""A box that does not close within this many characters is none."""
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_CONNECTOR = re.compile(
    r"(?:[\s$.,;:&~]|\\[()\[\],;:!\s]|\\q?quad|\\\\|\\text\{[^{}]{0,30}\b(?:and|or)\s*\}|\\(?:text|mathrm)\{\s*\}|\band\b|\bor\b|\*\*"
    r"|\b[a-zA-Z](?:_\{?\w\}?)?\s*=|\\leq?|[()])*"
)
"""What may stand between the boxes of one answer: `$\boxed{2}$ and $\boxed{3}$`, `x=\boxed{1}, y=\boxed{2}`."""
_ANNOUNCED = re.compile(
    r"(?:final\s+answer|the\s+answer|answer|result|correct\s+(?:option|choice))\s*(?:\\?\w+\s*){0,3}?(?:is|are|:|=)+\s*:?\s*(?:\*\*)?\s*"
    r"|答案\s*[是为]?\s*[:：]?\s*",
    re.IGNORECASE,
)
_EXPLAINED = re.compile(r",?\s+(?:not|because|since|which|rather than|instead of)\b", re.IGNORECASE)
_NOUN = re.compile(
    r"(?:(?:the|an?|about|approximately|roughly|exactly|only|interval|number|value|point|pair|set|vector|ordered|of)\s+)+(?=[-\d$\\(\[])",
    re.IGNORECASE,
)
_OPTION = re.compile(r"(?:option|choice)?\s*\(?[A-J]\)?(?![a-zA-Z])", re.IGNORECASE)
_LINK = re.compile(r"\s*(?:,\s*)?(?:(or)|and)\s*|\s*,\s*")
_TUPLE = re.compile(r"[(\[]\s*[-+−]?[\d./]+(?:\s*,\s*[-+−]?[\d./]+)+\s*[)\]]")
_FORMULA = re.compile(
    r"\$\$([^$]{1,2000})\$\$|\$((?:\\\$|[^$\n]){1,2000})\$|\\\((.{1,500}?)\\\)|\\\[(.{1,500}?)\\\]", re.DOTALL
)
_NUMBER = re.compile(
    r"(?<![\w.])[-+−]?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?(?: \d+/\d+)?"
    r"(?:%|[€£¥]|(?:[ckm]?m|k?g|m?[lL]|s|h|ft|in)[²³]?)?(?!\w)"
)
_TAGGED = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.DOTALL | re.IGNORECASE)


def final_answer(response: str, last_box: bool = False) -> str | None:
    """The final answer of a response, as written; None when it states none.

    What stands in `<think>` is not the answer; thinking that never ends has none. Boxes come first: those that close
    the response together (only connecting words between them) are one answer, joined by commas. With `last_box` the
    last box alone counts and nothing else does: OctoThinker's rule (its reward is -1 for a missing box).
    """
    _, ended, visible = response.rpartition("</think>")
    if not ended and "<think>" in visible:
        return None
    visible = visible[-_TAIL_CHARS:]
    if last_box:
        boxes = _boxes(visible)
        return visible[slice(*boxes[-1][1])] if boxes else None
    if tagged := _TAGGED.findall(visible):
        visible = tagged[-1]
        if not _boxes(visible):
            return _announced(visible) or visible.strip() or None
    if (boxes := _boxes(visible)) and (closing := _closing(visible, boxes)):
        return closing
    if "####" in visible:
        return visible.rpartition("####")[2].strip().split("\n")[0] or None
    return _announced(visible) or _last_value(visible)


def _boxes(text: str) -> list[tuple[int, tuple[int, int]]]:
    """(start of the command, span of the content) of every box that closes, outermost ones, in order."""
    found: list[tuple[int, tuple[int, int]]] = []
    end = 0
    closed = _braces(text) if "box" in text else {}
    for match in _BOX.finditer(text):
        if match.start() < end:
            continue  # inside the last box
        start = match.end()
        if text[start : start + 1] == "{":
            close = closed.get(start)
            if close is not None and close - start <= _BOX_CHARS:
                found.append((match.start(), (start + 1, close)))
                end = close
        elif bare := re.compile(r"[-+]?[\w.,/]*\w").match(text, start):  # \boxed 5
            found.append((match.start(), bare.span()))
            end = bare.end()
    return found


def _braces(text: str) -> dict[int, int]:
    """The place of the brace that closes each opened one, in one pass."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for match in _BRACE.finditer(text):
        if match[0] == "{":
            opened.append(match.start())
        elif match[0] == "}" and opened:
            pairs[opened.pop()] = match.start()
    return pairs


def closing_brace(text: str, start: int, limit: int = _BOX_CHARS) -> int | None:
    """The place of the brace that closes the one at `start`, at most `limit` characters on; None when there is none."""
    depth, place, stop = 0, start, min(len(text), start + limit)
    while place < stop:
        character = text[place]
        if character == "\\":
            place += 1
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return place
        place += 1
    return None


def _closing(text: str, boxes: list[tuple[int, tuple[int, int]]]) -> str:
    """The last box, with those before it that only connectors separate from it."""
    parts = [text[slice(*boxes[-1][1])].strip()]
    for (start, _), (_, (_, end)) in zip(boxes[:0:-1], boxes[-2::-1], strict=True):
        between = text[end + 1 : start]
        # A sentence of its own between two boxes says the same thing again.
        if len(between) > 60 or not _CONNECTOR.fullmatch(between) or re.search(r"\.\s|\n\s*\n", between):
            break
        part = text[slice(*next(span for place, span in boxes if span[1] == end))].strip()
        if part not in parts:
            parts.insert(0, part)
    return ", ".join(filter(None, parts))


def _announced(text: str) -> str | None:
    """What follows the last "the answer is"."""
    matches = list(_ANNOUNCED.finditer(text))
    if not matches:
        return None
    rest = text[matches[-1].end() :].lstrip()
    if _FORMULA.match(rest):
        return _joined(_linked(rest))
    line = rest.split("\n")[0]
    sentence = re.split(r"(?<=[^\d])\.(?:\s|$)|(?<=\d)\.(?:\s|$)|[!?](?:\s|$)|。", line)[0].strip().strip("*").strip()
    # `5, not 6`, `72 (clips)`: what explains the answer is no part of it.
    sentence = re.sub(r"(?<=\d)\s*\([A-Za-z][A-Za-z ]{2,}\)$", "", _EXPLAINED.split(sentence)[0])
    sentence = _NOUN.sub("", sentence, count=1) if _NOUN.match(sentence) else sentence
    if re.match(r"[A-Za-z]\S*\s+[A-Za-z$]\S*\s", sentence) and not _OPTION.match(sentence):
        return _last_value(sentence)  # `the largest n is 34`
    return sentence.rstrip(" ,;") or None


def _linked(text: str, start: int = 0) -> list[re.Match[str]]:
    """The formulas from a place on that only `or`, `and` and commas separate."""
    found: list[re.Match[str]] = []
    while formula := _FORMULA.match(text, start):
        found.append(formula)
        link = _LINK.match(text, formula.end())
        start = link.end() if link else formula.end()
        if link is None:
            break
    return found


def _joined(formulas: list[re.Match[str]]) -> str:
    return ", ".join(next(group for group in match.groups() if group is not None).strip() for match in formulas)


def _last_value(text: str) -> str | None:
    """The last formula, number or tuple, whichever comes later; of a few words (`Paris`, `5 apples`) all of them."""
    formulas = list(_FORMULA.finditer(text))
    numbers = (*_NUMBER.finditer(text), *_TUPLE.finditer(text))
    number = max(numbers, key=lambda match: match.end(), default=None)
    if formulas and (number is None or formulas[-1].end() >= number.end()):
        last = formulas[-1:]
        for before in formulas[-2::-1]:
            link = _LINK.fullmatch(text, before.end(), last[0].start())
            if link is None or not (link[1] or _shape(before) == _shape(last[0])):
                break
            last.insert(0, before)
        return _joined(last)
    stripped = text.strip()
    if number is not None and not (len(stripped.split()) <= 3 and stripped.startswith(number[0])):
        return re.sub(r"(?<=\d)(?=[a-zA-Z])", " ", number[0])
    return stripped if stripped and len(stripped) <= 200 else None


def _shape(formula: re.Match[str]) -> str:
    """A formula with its numbers blotted out: `x=1` and `x=-3` are solutions of one equation."""
    return re.sub(r"-?\d+", "0", formula[0].replace(" ", ""))
