"""What a rewrite may leave out although it holds numbers: lines about the page itself, and what stands twice."""

import re

from pipeline.refine.rules import is_boilerplate
from pipeline.refine.split import blocks

_REPEATED_CHARS = 20
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = rf"(?:{_MONTH} {_DAY},? ?(?:\d{{4}})?|{_DAY} {_MONTH},? ?(?:\d{{4}})?|\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{2,4}})"
_COUNTED = (
    r"(?:comments?|repl(?:y|ies)|views?|votes?|likes?|shares?|followers?|answers?|posts?|points?|ratings?|reviews?"
    r"|min(?:ute)?s? read|reads?|downloads?|members?|users?|badges?)"
)
_NOISE = re.compile(
    r"[\W_]*(?:"
    r"(?:posted|published|submitted|written|asked|answered|edited|modified|updated|viewed"
    r"|last (?:updated|modified|edited|reply)|joined|created|added|retrieved|accessed|date)\b.*"
    rf"|(?:by [\w .]{{1,40}}\b)?\W*(?:on )?{_DATE}(?:\W+(?:at )?\d{{1,2}}[:.]\d{{2}}.*)?"
    rf"|(?:\w+ ){{0,2}}?\d[\d,.k]*\+? {_COUNTED}\b.{{0,40}}|{_COUNTED} ?[:(] ?\d.{{0,20}}"
    r"|(?:copyright|©|\(c\)).*|.*\ball rights reserved\b.*"
    r"|page \d+ of \d+|\d+ of \d+|(?:«|<|prev(?:ious)?|next| |\d|…|\.|·|\||»|>)+"
    r"|(?:share|tweet|tags?|filed under|categor(?:y|ies)|isbn|doi|tel|phone|fax|powered by|version)\b.*"
    r")[\W_]*",
    re.IGNORECASE,
)
_POSTING = ("posted", "asked", "answered", "published", "submitted", "edited", "updated")
_POSTED = re.compile(rf"\b(?:{'|'.join(_POSTING)})(?: by [\w.]{{1,30}})?(?: on)? {_DATE}[.,]?", re.IGNORECASE)
_VIEWED = re.compile(
    r"\d(?<![\d,.].)[\d,]{0,12} (?:views?|comments?|repl(?:y|ies)|(?:up ?)?votes?|likes?|shares?|followers?)\b"
    r"(?! (?:of|for|each))",
    re.IGNORECASE,
)
_NOISE_CHARS = 120


def without_noise(text: str) -> str:
    """The text without lines and phrases about the page itself."""
    lines = text.split("\n")
    kept = [line for line in lines if not is_noise(line)]
    if len(kept) < len(lines):
        text = "\n".join(kept)
    lower = text.casefold()
    if any(word in lower for word in _POSTING):
        text = _POSTED.sub("", text)
    return _VIEWED.sub("", text)


def without_repeats(text: str) -> str:
    """The text with every paragraph once; code stays."""
    seen: set[str] = set()
    out: list[str] = []
    for block in blocks(text):
        form = " ".join(block.split())
        if len(form) >= _REPEATED_CHARS and not form.startswith(("```", "~~~")):
            if form in seen:
                continue
            seen.add(form)
        out.append(block)
    return "".join(out)


def is_noise(line: str) -> bool:
    """Whether a line is about the page (when it was posted, how often it was read, whose it is), without a formula."""
    if not line or len(line) > _NOISE_CHARS or "$" in line or "\\" in line or "=" in line:
        return False
    return is_boilerplate(line) or (any(map(str.isdigit, line)) and _NOISE.fullmatch(line) is not None)
