"""The one text normaliser of the classifiers: training and serving see a page in this form, or they disagree.

A page becomes one line of tokens separated by spaces. Words are lower-case. LaTeX stays informative: a command is a
token (`\\frac`), formula delimiters are tokens (`mathopen`, `mathclose`, `mathdisplay`), and the signs of arithmetic
and of code stand alone. Every digit is 0, so `1,250.75` and `3,991.20` are the same token while their shape remains;
URLs, and hexadecimal runs, which would otherwise look like variables and numbers, are one token each. The marks of
Markdown (headings, bullets, quotes, fences, tables) are left out, since they tell how a page was extracted, and so are
words of grammar, which tell who wrote it.
"""

import re
import unicodedata

import xxhash

HEAD_CHARS = 6144
"""Characters read from the start of a page."""

MIDDLE_CHARS = 3072
"""Characters read around the middle of a page that is longer than `HEAD_CHARS + MIDDLE_CHARS`."""

MAX_WORD_CHARS = 24
"""Longer words are dropped: in extracted pages they are encoded data, not language."""

VERSION = 1
"""Raised by hand when the code below changes meaning; the patterns are part of the digest by themselves."""

# A formula as pandoc reads it: no space inside the delimiters, and the closing one not before a digit, so that
# `$5 and $10` are prices. Bounded and free of `$` inside, hence linear.
_INLINE = re.compile(r"\$(?![\s$])([^$\n]{1,500})(?<!\s)\$(?!\d)")
_URL = re.compile(r"(?:https?://|www\.)\S+")
_HEX = re.compile(r"\b(?:0x[0-9a-f]+|(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{12,})\b")
_TOKEN = re.compile(
    # Unwanted matches first and outside the group: findall gives an empty string for them.
    rf"[^\W\d_]{{{MAX_WORD_CHARS + 1},}}|"
    r"([^\W\d_]+|0{1,8}(?:[.,]0{1,8}){0,4}|\\[a-z]+|\\[()\[\]\\{}|]|"
    r"(?<!\n)[>*+]|[=</^_%$£€¥;&]|[\u00ac\u00b0\u00b1\u00d7\u00f7\u2190-\u22ff\u27e8\u27e9])"
)
_DIGITS = str.maketrans("123456789", "000000000")
_SUPERSCRIPTS = str.maketrans(dict.fromkeys("⁰¹²³⁴⁵⁶⁷⁸⁹", "^0"))  # NFKC would read x² as x2

# Words of grammar follow the style of an author, not the subject, and are so frequent that they drown what does.
# The empty string is what findall gives for an unwanted match.
_STOP_WORDS = (
    "a an the this that these those of in on at to for from by with as and or but so is are was were be been being it "
    "its he she they we you him her them us me my your his their our who whom which when where there here have has had "
    "do does did will would can could should may might must not no also about into"
)
_SILENT = frozenset(["", *_STOP_WORDS.split()])

NORMALISER = xxhash.xxh3_128_hexdigest(
    repr(
        (
            VERSION,
            HEAD_CHARS,
            MIDDLE_CHARS,
            MAX_WORD_CHARS,
            _INLINE.pattern,
            _URL.pattern,
            _HEX.pattern,
            _TOKEN.pattern,
            _STOP_WORDS,
        )
    )
)
"""Digest of this normaliser. A model's card names the one it was trained behind; another one is refused."""


def excerpt(text: str) -> str:
    """The part of a page that a classifier reads: all of it, or its head and its middle, joined by a newline."""
    if len(text) <= HEAD_CHARS + MIDDLE_CHARS:
        return text
    start = max(HEAD_CHARS, (len(text) - MIDDLE_CHARS) // 2)
    return f"{text[:HEAD_CHARS]}\n{text[start : start + MIDDLE_CHARS]}"


def normalise(text: str) -> str:
    """One line of space-separated tokens; "" when the text holds none. Linear in the length of the excerpt."""
    text = excerpt(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_SUPERSCRIPTS))
    text = text.lower()
    if "://" in text or "www." in text:
        text = _URL.sub(" urltoken ", text)
    if "$" in text:
        text = _INLINE.sub(r" mathopen \1 mathclose ", text.replace("$$", " mathdisplay "))
    text = _HEX.sub(" hextoken ", text).translate(_DIGITS)
    return " ".join([token for token in _TOKEN.findall(text) if token not in _SILENT])
