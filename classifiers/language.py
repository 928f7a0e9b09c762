"""Language identification without a network: py3langid's model from its wheel, or a user's fastText model.

What is not language is masked first: formulas, code and URLs would otherwise decide on a page of mathematics.
"""

import re
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path

import xxhash

from classifiers.iso639 import language_code
from classifiers.model import file_digest, open_fasttext

VERSION = 2
"""Raised by hand when the preparation of the text or the weighing of languages changes."""

WINDOW_CHARS = 1600
"""Characters read at the start, and as many around the middle of a longer page, before masking."""

IDENTIFY_CHARS = 320
"""Characters of each window that are left to identify."""

_MASKED = re.compile(
    r"```.*?(?:```|\Z)"  # fenced code
    r"|`[^`\n]{1,300}`"
    r"|\$\$.{0,1000}?\$\$"
    r"|\$(?![\s$])[^$\n]{1,500}(?<!\s)\$(?!\d)"
    r"|\\\(.{0,500}?\\\)|\\\[.{0,2000}?\\\]"
    r"|\\begin\{([a-z]{1,20}\*?)\}.{0,2000}?\\end\{\1\}"
    r"|\\[A-Za-z]+"
    r"|(?:https?://|www\.)\S+",
    re.DOTALL,
)
_NOT_LETTERS = re.compile(r"(?:[^\w'’]|[\d_]|(?<!['’])\b[^\W\d_]\b(?!['’]))+")

# "No language", and Nigerian Pidgin, which wins only on names and stray symbols of English pages.
_NOT_IDENTIFIED = {"zxx", "pcm"}

# Percent of each language in a crawl, rounded (Common Crawl's published statistics). A page of formulas may hold eight
# words of prose, on which py3langid finds Latin or Esperanto as likely as English; what is rare must show more.
_SHARES = {
    "en": 44.0, "ru": 6.0, "de": 5.8, "ja": 5.2, "zh": 5.0, "es": 4.7, "fr": 4.5, "it": 2.5, "pt": 2.4, "nl": 2.0,
    "pl": 1.8, "cs": 1.1, "tr": 1.1, "vi": 1.1, "id": 1.0, "ko": 0.8, "ar": 0.7, "fa": 0.7, "sv": 0.7, "el": 0.6,
    "hu": 0.6, "ro": 0.6, "uk": 0.6, "da": 0.5, "fi": 0.4, "nb": 0.4, "no": 0.4, "sk": 0.4, "th": 0.4, "bg": 0.3,
    "he": 0.25, "ca": 0.2, "hi": 0.2, "hr": 0.2, "sr": 0.2, "lt": 0.15, "sl": 0.15, "et": 0.13, "lv": 0.1,
}  # fmt: skip
_RARE_SHARE = 0.03

Classify = Callable[[str], tuple[str, float]]


def linguistic(text: str) -> str:
    """What identification reads: words of the page's start and middle, formulas, code, URLs and digits masked."""
    windows = [text[:WINDOW_CHARS]]
    if len(text) > 2 * WINDOW_CHARS:
        start = (len(text) - WINDOW_CHARS) // 2
        windows.append(text[start : start + WINDOW_CHARS])
    words = (_NOT_LETTERS.sub(" ", _MASKED.sub(" ", window)).strip() for window in windows)
    # A single window may use the whole budget; two windows share it.
    chars = 2 * IDENTIFY_CHARS // len(windows)
    return " ".join(part[:chars] for part in words if part)


class LanguageModel:
    """Identifies the language of a text. `name` says which model, `digest` what its answers depend on."""

    def __init__(self, name: str, digest: str, classify: Classify) -> None:
        self.name = name
        preparation = (
            VERSION,
            WINDOW_CHARS,
            IDENTIFY_CHARS,
            _MASKED.pattern,
            _NOT_LETTERS.pattern,
            _SHARES,
            _RARE_SHARE,
        )
        self.digest = xxhash.xxh3_128_hexdigest(f"{digest} {preparation!r}")
        self._classify = classify

    def identify(self, text: str) -> tuple[str, float]:
        """ISO 639-1 code and score in 0..1; ("und", 0.0) for a text without words."""
        words = linguistic(text)
        if not words:
            return "und", 0.0
        label, score = self._classify(words)
        code = language_code(label)
        return (code, min(max(score, 0.0), 1.0)) if code != "und" else ("und", 0.0)


@cache
def load_language_model(path: str | None = None) -> LanguageModel:
    """The bundled model, or the fastText model at `path` with labels such as `__label__en` or `__label__eng_Latn`.

    Raises:
        ValueError: `path` is no fastText model.
    """
    if path is not None:
        model = open_fasttext(Path(path))

        def by_fasttext(words: str) -> tuple[str, float]:
            score, label = model.predict(words + "\n", 1, 0.0, "replace")[0]
            return label, score

        return LanguageModel(Path(path).stem, file_digest(Path(path)), by_fasttext)

    from py3langid import langid

    @cache
    def identifier() -> langid.LanguageIdentifier:
        """Made at the first text: it takes most of a second, which a build that only wants the digest is spared."""
        # norm_probs divides the log-likelihood by the root of the length, without which every score would be 0 or 1.
        made = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
        made.set_languages([code for code in made.labels if code not in _NOT_IDENTIFIED])
        return made

    def by_langid(words: str) -> tuple[str, float]:
        weighed = [(score * _SHARES.get(label, _RARE_SHARE), label) for label, score in identifier().rank(words)]
        best, label = max(weighed)
        return label, best / sum(weight for weight, _ in weighed)

    digest = file_digest(Path(langid.MODEL_DIR) / langid.MODEL_FILE)
    return LanguageModel("py3langid", f"{digest} {version('py3langid')}", by_langid)
