"""One spelling for LaTeX, Unicode and plain text of an answer: fractions, roots, brackets, relations, matrices, sets.

Every rule keeps the value. What differs after it may still be equal, what is equal after it is.
"""

import re

from training.rl.final_answer import closing_brace

_UNICODE = str.maketrans(
    {
        "−": "-", "–": "-", "—": "-", "－": "-", "＋": "+", "＝": "=", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ",
        "∙": r"\cdot ", "÷": "/", "⁄": "/", "±": r"\pm ", "∓": r"\mp ", "≤": r"\leq ", "≥": r"\geq ", "≠": r"\neq ",
        "≈": r"\approx ", "∪": r"\cup ", "∩": r"\cap ", "∅": r"\emptyset ", "∈": r"\in ", "∞": r"\infty ",
        "∠": r"\angle ", "△": r"\triangle ", "°": r"^\circ ", "′": "'", "’": "'", "…": r"\ldots ", "⟨": "(", "⟩": ")",
        "½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}",
        "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}",
        "π": r"\pi ", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "λ": r"\lambda ", "μ": r"\mu ",
        "φ": r"\phi ", "ω": r"\omega ", "σ": r"\sigma ", "√": r"\sqrt", "\u00a0": " ", "\u2009": " ", "\u202f": " ",
        "％": "%", "（": "(", "）": ")", "，": ",", "；": ";", "：": ":", "。": ".", "＜": "<", "＞": ">",
    }
)  # fmt: skip
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ", "0123456789-n")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_COMMANDS = "[dtc]?frac|sqrt|left|right|pi|cdot|times|text|mathrm|infty|pm|cup|circ|begin|end|binom"
_SPELLINGS = [
    (re.compile(pattern), mend)
    for pattern, mend in (
        (r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|textstyle|limits|mathstrut|strut|hfill|nobreak)(?![a-zA-Z])", ""),
        (r"\\(?:text)?color\s*\{[^{}]*\}|\\\\?\s*$", ""),
        (r"\\(?:bf|rm|it|sf|tt|tiny|small|normalsize|[lL]arge|LARGE|[hH]uge)(?![a-zA-Z])", ""),
        (r"\\(?:math(?:rm|bf|it|sf|cal)|text)\s+([a-zA-Z0-9])", r" \1 "),
        (r"(?<=\d)\s*(?:,\s*\\!|\{\s*,\s*\})\s*(?=\d{2,3}(?!\d))", ""),
        (r",\s*\\!\s*|\{,\}", ","),
        (r"\\\\\s*\[\s*[\d.]+\s*(?:pt|em|ex|mm|cm)\s*\]", r"\\\\"),
        (r"(=[^=,]*?)\\q?quad\s*(?=[a-zA-Z](?:_\{?\w+\}?)?\s*=)", r"\1, "),
        (r"(?<![\w}])([a-zA-Z](?:_\{?\w+\}?)?)\s*\\approx", r"\1="),
        (r"(?<!\\)\\[!,;:> ]|\\q?quad(?![a-zA-Z])|~|\\(?:hspace|vspace|phantom)\*?\{[^{}]*\}", " "),
        (r"\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
        (r"\\[dt]?binom(?![a-zA-Z])", r"\\binom"),
        (r"\{([^{}]*)\\over(?![a-zA-Z])([^{}]*)\}", r"\\frac{\1}{\2}"),
        (r"\{([^{}]*)\\choose(?![a-zA-Z])([^{}]*)\}", r"\\binom{\1}{\2}"),
        (r"\\(le|ge)(?:qq|q(?:slant)?(?![a-zA-Z])|(?![a-zA-Z]))", r"\\\1q "),
        (r"<=", r"\\leq "),
        (r">=", r"\\geq "),
        (r"\\neq?(?![a-zA-Z])|!=", r"\\neq "),
        (r"\\lt(?![a-zA-Z])", "<"),
        (r"\\gt(?![a-zA-Z])", ">"),
        (r"\\colon(?![a-zA-Z])|(?<=\d)\s+to\s+(?=\d)", ":"),
        (r"\\(?:varnothing|O)(?![a-zA-Z])|\\\{\s*\\\}|\{\s*\}(?=$)", r"\\emptyset "),
        (r"\\(?:dots|cdots|ldots|dotsc|dotsb|dotsm)(?![a-zA-Z])|\.\.\.+", r"\\ldots "),
        (r"\\lbrace(?![a-zA-Z])", r"\\{"),
        (r"\\rbrace(?![a-zA-Z])", r"\\}"),
        (r"\\lbrack(?![a-zA-Z])", "["),
        (r"\\rbrack(?![a-zA-Z])", "]"),
        (r"\\langle(?![a-zA-Z])", "("),
        (r"\\rangle(?![a-zA-Z])", ")"),
        (r"\\(?:lvert|rvert|vert|mid)(?![a-zA-Z])", "|"),
        (r"(?<=[\w)}])\*\*(\d+)", r"^{\1}"),
        (r"(?<=[\w)}])\*\*(?=[-\w({])", "^"),
        (r"\*\*", ""),
        (r"\\(?:ast|star)(?![a-zA-Z])|\*", r"\\cdot "),
        (r"(?<![\\a-zA-Z])(?=(?:sqrt|frac|pi|infty|infinity)(?![a-zA-Z]))", r"\\"),
        (r"\\infinity|(?<![\\a-zA-Z])oo(?![a-zA-Z])", r"\\infty"),
        (r"(^|[,(\[])\s*\+\s*\\infty", r"\1\\infty"),
        (r"\\(frac|sqrt|binom)\s+(?=[\d{])", r"\\\1"),
        (r"\\sqrt(\w)", r"\\sqrt{\1}"),
        (r"\\sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}"),
        (r"\\dot\{?(\d)\}?(\d*)\\dot\{?(\d)\}?", r"\\overline{\1\2\3}"),
        (r"(?<=[\d.])\\dot\{?(\d)\}?", r"\\overline{\1}"),
        (r"\^\s*\{?\s*(?:\\circ|\\degree)\s*\}?|\\degree(?![a-zA-Z])", r"^\\circ "),
        (r"\\(?:operatorname|mathop)\*?\{([a-zA-Z]+)\}", r"\\\1 "),
        (r"\\mathbb\s*([A-Z])", r"\\mathbb{\1}"),
        (r"\\overline\{([A-Z]{2})\}", r"\1"),
        (r"[(\[]\s*\\begin\{array\}\s*\{[lcr| ]*\}(.*?)\\end\{array\}\s*[)\]]", r"\\begin{pmatrix}\1\\end{pmatrix}"),
        (r"^\(\s*(\\begin\{pmatrix\}.*\\end\{pmatrix\})\s*\)$", r"\1"),
    )
]
_SYSTEM = re.compile(
    r"\\begin\{cases\}([^&]*?)\\end\{cases\}|\\\{\s*\\begin\{(?:array|aligned)\}(?:\{[lcr]*\})?([^&]*?)\\end\{(?:array|aligned)\}\.?"
)
_WRAPPERS = re.compile(
    r"\\(?:text(?:bf|it|rm|tt|sf|sc|normal|up)?|math(?:rm|bf|it|sf|cal)|mbox|emph|underline|bm|boldsymbol|boxed|fbox|ensuremath)\s*\{"
)
_UNIT = r"\s*\\(?:text|mathrm)\s*\{\s*([a-zA-Z]{1,12}(?:\^\{?\d\}?)?)\s*\}(\^\{?\d\}?)?\s*"
_UNIT_FRACTION = re.compile(rf"\\[dt]?frac\s*\{{{_UNIT}\}}\s*\{{{_UNIT}\}}")
_SHORT = re.compile(
    r"\\(frac|binom)\s*(?:(\d)\s*(\d)(?!\d)|(\d)\s*\{([^{}]*)\}|\{([^{}]*)\}\s*(\d|[a-zA-Z](?![a-zA-Z])))"
)


def spell(answer: str) -> str:
    """The text of an answer in one spelling, words and spaces kept apart."""
    text = re.sub(r"√\s*(\d+)", r"\\sqrt{\1}", answer)
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ]+", lambda match: f"^{{{match[0].translate(_RAISED)}}}", text)
    text = re.sub("[₀-₉]+", lambda match: f"_{{{match[0].translate(_LOWERED)}}}", text)
    text = re.sub(rf"(?<!\\)\\\\(?=(?:{_COMMANDS})(?![a-zA-Z]))", r"\\", text)  # escaped twice
    text = strip_delimiters(text.translate(_UNICODE))
    text = re.sub(r"(?<!\\)\$|\\\$", " ", text)
    text = _unwrap(_UNIT_FRACTION.sub(_with_slash, text))
    for pattern, mend in _SPELLINGS:
        text = pattern.sub(mend, text)
    text = _SYSTEM.sub(lambda match: ", ".join(filter(str.strip, (match[1] or match[2] or "").split(r"\\"))), text)
    text = _SHORT.sub(_with_braces, text)
    text = " ".join(text.split())
    return re.sub(r"(?<![\\.])\s*\.$", "", text).strip().rstrip(";,").strip()


def _with_slash(match: re.Match[str]) -> str:
    above, above_power, below, below_power = (part or "" for part in match.groups())
    return rf"\text{{{above}{above_power}/{below}{below_power}}}"


def strip_delimiters(text: str) -> str:
    """Without the dollars or brackets of a formula around it."""
    text = re.sub(r"(?<=[$)\]])\s*[.,;]$", "", text.strip())
    for opened, closed in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        inner = text[len(opened) : -len(closed)]
        if (
            len(text) > len(opened) + len(closed)
            and text.startswith(opened)
            and text.endswith(closed)
            and opened not in inner
        ):
            return strip_delimiters(inner)
    return re.sub(r"(?<!\\)\\[()\[\]](?![a-zA-Z])", " ", text)


def _unwrap(text: str) -> str:
    """Commands around words and boxes replaced by what they hold, spaces kept apart."""
    pieces, place = [], 0
    while match := _WRAPPERS.search(text, place):
        close = closing_brace(text, match.end() - 1)
        if close is None:
            break
        pieces += [text[place : match.start()], " ", _unwrap(text[match.end() : close]), " "]
        place = close + 1
    return "".join([*pieces, text[place:]])


def _with_braces(match: re.Match[str]) -> str:
    command, *parts = (group for group in match.groups() if group is not None)
    return rf"\{command}{{{parts[0]}}}{{{parts[1]}}}"


def compact(text: str) -> str:
    """Without the spaces that mean nothing: those of words and behind commands stay."""
    text = re.sub(r"\s*([^\w\s\\])\s*", r"\1", text.strip())
    if re.fullmatch(r"[A-Za-z](?: [A-Za-z])+", text):
        return text.replace(" ", "")  # a product of letters
    if not re.fullmatch(r"[A-Za-z][A-Za-z' -]*", text):
        text = re.sub(r"\s+(?=\\)|(?<=[}\])])\s+(?=[\d(])|(?<=\d)\s+(?=\(|[a-zA-Z]\b)", "", text)
    text = re.sub(r"\\([a-zA-Z]+)\s+(?![a-zA-Z])", r"\\\1", text).strip()
    return unbracketed(text)


def unbracketed(text: str) -> str:
    """Without brackets around the whole of a single item, `(7)`, and braces that only group, `{1,3}`."""
    while len(text) > 2 and text[0] + text[-1] in ("()", "{}"):
        depth = 0
        for character in text[:-1]:
            depth += (character in "([{") - (character in ")]}")
            if depth == 0 or (depth == 1 and character in ",;" and text[0] == "("):
                return text
        text = text[1:-1]
    return text
