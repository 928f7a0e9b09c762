"""Whether what stands between two dollars is a formula, money or a program's variable."""

import re

_COMMAND = re.compile(r"\\[a-zA-Z]+|\\[{},;!|% ]")
_SCRIPT = re.compile(r"(?:(?<![A-Za-z])[A-Za-z]|[)}\]|'\d]|\\[a-zA-Z]+)\s*[_^]\s*[\w{\\(+*-]|^[_^]")
_TEXT = re.compile(
    r"\\(?:text|mathrm|operatorname|mbox|textrm|textbf|textit|mathit|mathsf|mathtt|label|tag|begin|end|color|mathbf|texttt)\*?\s*\{[^{}]*\}"
)
_WORD = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{3,}")
_FUNCTION = re.compile(
    r"(?<![a-zA-Z])(?:sin|cos|tan|log|exp|max|min|lim|det|deg|gcd|lcm|mod|dim|ker|arg|sup|inf|sec|csc|cot)(?![a-zA-Z])"
)
_SHORT = re.compile(r"[A-Za-z](?:'+|\d*)$|-?\d*[A-Za-z]$")
_EXPRESSION = re.compile(r"[A-Za-z0-9\s+\-*/=<>()\[\]|,.:;!'&≤≥≠×·−∈→∞α-ωΑ-Ω]+$")
_SENTENCE = re.compile(r"[a-z]\.\s|\s-{1,2}\s?[a-z]{2}")
_OPERATOR = re.compile(r"[=<>+*/|()\[\]≤≥≠×·−∈→-]")
_NUMBER = re.compile(r"[-+]?\d[\d,.]*%?$")
_MONEY = re.compile(r"\d[\d,.]*(?:\s*(?:[kKmMbB]|bn|million|billion|trillion|USD|per|an?|to|and|or|for)\b)?")


def _words(tex: str) -> int:
    """Words of prose: letters in runs of three or more, outside commands, text and function names."""
    return len(_WORD.findall(_FUNCTION.sub(" ", _TEXT.sub(" ", tex))))


def is_mathematical(tex: str) -> bool:
    """Whether a string says mathematics beyond doubt, or is so short and plain that nothing speaks against it."""
    if _COMMAND.search(tex) or _SCRIPT.search(tex):
        return True
    return _words(tex) == 0 and bool(_EXPRESSION.match(tex.strip()))


def prose(tex: str) -> bool:
    """Whether a string is text with a few words rather than one formula with a word in it."""
    return _words(tex) > 3


def is_formula(inner: str, before: str, after: str, configured: bool | None) -> bool:
    """Whether the text between two dollars is a formula.

    `before` and `after` are the characters outside the pair. `configured`: whether the page's scripts make `$` a
    delimiter; None when they say nothing.
    """
    text = inner.strip()
    if not text or "\n\n" in inner:
        return False
    commands = _COMMAND.search(text) is not None
    scripts = _SCRIPT.search(text) is not None
    words = _words(text) if len(text) > 2 else 0
    if configured:
        if after.isdigit() and _MONEY.match(text) and not commands:
            return False
        if commands or scripts:
            return words < 12 or words * 12 < len(text)
        if words and text[0].isdigit():
            return False  # a price, and the text up to the next dollar
        return words < 3 or (words < 5 and _OPERATOR.search(text) is not None)
    if commands:
        return words < 6 or words * 15 < len(text)
    if after.isdigit() or (after.isascii() and after.isalpha() and before.isascii() and before.isalpha()):
        return False
    tight = inner[0] not in " \n" and inner[-1] not in " \n"
    if scripts:
        return words < 3 and (tight or configured is None)
    if configured is False or not tight or words:
        return False
    if before.isascii() and before.isalnum() and not (before.isdigit() and text[0].isalpha()):
        return False
    if _SHORT.match(text):
        return True
    if _NUMBER.match(text):
        return len(text) < 6
    return (
        bool(_EXPRESSION.match(text))
        and _SENTENCE.search(text) is None
        and _OPERATOR.search(text) is not None
        and not text.endswith(("/", ":", "-", "+", "=", ","))
    )
