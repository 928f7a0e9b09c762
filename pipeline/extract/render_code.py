"""Code: fenced blocks with their language, inline code, and preformatted text that is prose."""

import re

from pipeline.extract.content_outline import Outline

_LANGUAGE = re.compile(
    r"(?:^|\s)(?:language-|lang-|highlight-(?:source-|text-)?|brush:\s*|sourceCode\s+|src\s+src-)([\w+#.-]+)"
)
_NAME = re.compile(r"[\w+#.-]{1,30}")
_NO_LANGUAGE = frozenset({"none", "default", "plaintext", "text", "plain", "nohighlight"})
_TICKS = re.compile(r"`+")


def language_of(page: Outline, i: int) -> str:
    """The language that a <pre>, its first child or two elements above it name, by class or `data-lang`, or ""."""
    near = [i]
    if i + 1 < page.ends[i]:
        near.append(i + 1)
    parent = page.parents[i]
    near += [parent, page.parents[parent]]
    for entry in near:
        given = page.attributes[entry]
        match = _LANGUAGE.search(given.get("class") or "")
        name = (match[1] if match else given.get("data-lang") or given.get("data-language") or "").lower()
        if name and name not in _NO_LANGUAGE and _NAME.fullmatch(name):
            return name
    return ""


def fence(code: str, language: str) -> str:
    """A fenced block, its fence longer than any run of backticks in the code; "" for blank code."""
    code = code.strip("\n\r").rstrip()
    if not code.strip():
        return ""
    longest = max(map(len, _TICKS.findall(code)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{code}\n{ticks}"


def inline_code(code: str) -> str:
    """Inline code between backticks, on one line; "" for blank code."""
    code = " ".join(code.split())
    if not code:
        return ""
    longest = max(map(len, _TICKS.findall(code)), default=0)
    if not longest:
        return f"`{code}`"
    ticks = "`" * (longest + 1)
    return f"{ticks} {code} {ticks}"


_PROSE_WORDS = 6  # per line, in the middle line of all
_PROSE_LETTERS = 0.85  # of the characters, white space included


def is_prose(text: str) -> bool:
    """Whether preformatted text is running text (a mail, an old text file) and not code, a table or a drawing."""
    lines = sorted(len(line.split()) for line in text.splitlines() if line.strip())
    if len(lines) < 3 or lines[len(lines) // 2] < _PROSE_WORDS:
        return False
    wordy = sum(character.isalpha() or character.isspace() for character in text)
    return wordy >= _PROSE_LETTERS * len(text)
