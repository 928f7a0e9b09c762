"""The words of a rewrite against those of its original: subject, language, names, repetition, a whole end."""

import re
from collections import Counter
from collections.abc import Iterable

from classifiers.language import load_language_model
from pipeline.refine.content import Content

_STEM = 5
_COMMON = frozenset(
    """
    a about above after again all also an and any are as at be because been before being below between both but by can
    could did do does doing down during each few for from further had has have having he hence her here him his how i if
    in into is it its just let may me more most must my no nor not now of off on once one only or other our out over own
    same she should so some such than that the their them then there these they this those through thus to too under
    until up us very was we were what when where which while who why will with would you your yet
    """.split()
)
_FACT = (
    "theorem lemma corollary proposition conjecture axiom law inequality identity principle criterion paradox".split()
)
_LOOSE = frozenset(fact[:_STEM] for fact in "law laws inequality identity principle criterion paradox".split())
"""Facts that prose may name although the page only states them: `AM-GM` is an inequality."""
_FACT_WORDS = frozenset([*_FACT, *(f"{fact}s" for fact in _FACT), "corollaries", "identities", "criteria"])
_FACTS = re.compile(rf"\b(?:{'|'.join(_FACT)})s?\b", re.IGNORECASE)
_NAME = re.compile(r"[A-Z](?<=[a-zà-ÿ,;)(] [A-Z])[a-zà-ÿ]{3,}(?:['’]s)?")
_STATED = re.compile(rf"[\s>*_#\-]*(?:\d+[.)] )?{_FACTS.pattern}", re.IGNORECASE)
# `Theorem (Gauss)`: the bracket is looked for first, as it is rare.
_BRACKETED = re.compile(r"\((?:[A-Za-z]+ )?([A-Z][^\W\d_]{2,})")
_FACT_BEFORE = re.compile(rf"{_FACTS.pattern}\W{{0,4}}\Z", re.IGNORECASE)
_NAME_CHARS = 24
_WORD = re.compile(r"[^\W\d_]+")
_UNKNOWN = 0.4
"""Share of words that the original does not have from which a statement is a new one."""
# Headings, bold labels and short lines without a verb write words with a capital for style.
_TITLES = re.compile(
    r"^[ \t>]*#{1,6}[ \t].*$|^[ \t]*(?:[-*+][ \t]+)?\*\*[^*\n]{1,80}\*\*:?"
    r"|^(?:(?:[A-Z\d][\w'’–-]*+|an?|and|by|for|from|in|of|on|or|the|to|using|with)[:,]?(?:[ \t]+|$)){3,12}+$",
    re.MULTILINE,
)
_SENTENCE = re.compile(r"[^.!?\n]+")
_ENDS = re.compile(r"[.!?\n]+")
_SENTENCE_CHARS = 20
"""A shorter sentence may well stand twice."""
_TERMINAL = re.compile(r"[.!?:;…)\]}\"'”’*_`$|>□■∎~]\s*\Z|\\\w+\s*\Z")
_LAST_STRUCTURE = re.compile(r"[ \t]*(?:#{1,6}[ \t]|[-*+•][ \t]|\(?\w{1,3}[.)][ \t]|[|>]|\$\$|```)")
_DANGLING = frozenset(
    "a an and as at because by for from if in into is its of on or so than that the then to we which with".split()
)
_FOREIGN_SCRIPT = re.compile(r"[Ѐ-ӿ؀-ۿऀ-ॿ぀-ヿ㐀-鿿가-힯]")


def content_words(tokens: Iterable[str]) -> list[str]:
    """Of lower-case words those that are not grammar, cut to a stem."""
    return [word[:_STEM] for word in tokens if len(word) > 2 and word not in _COMMON and word[0] >= "a"]


def overlap(original: Counter[str], rewrite: Counter[str]) -> tuple[float, int]:
    """Share of the rewrite's content words that the original has, and how many it has in all."""
    known = set(content_words(original))
    strange = total = 0
    for word, count in rewrite.items():
        if len(word) > 2 and word not in _COMMON and word[0] >= "a":
            total += count
            if word[:_STEM] not in known:
                strange += count
    return (total - strange) / total if total else 1.0, total


def copied(original: list[str], rewrite: list[str]) -> float:
    """Share of the rewrite's word trigrams that the original has."""
    ours = list(zip(rewrite, rewrite[1:], rewrite[2:], strict=False))
    known = set(zip(original, original[1:], original[2:], strict=False))
    return sum(gram in known for gram in ours) / len(ours) if ours else 0.0


def foreign(original: str, rewrite: str, shared: float) -> float:
    """Share of the rewrite's paragraphs in another language; 0 without a look where the words are the original's."""
    if shared >= 0.5 and not _FOREIGN_SCRIPT.search(rewrite):
        return 0.0
    suspects = [
        block
        for block in (rewrite.split("\n\n") if shared >= 0.5 else [rewrite])
        if _FOREIGN_SCRIPT.search(block) or (shared < 0.5 and len(block) > 40)
    ]
    if not suspects:
        return 0.0
    identify = load_language_model().identify
    language, _ = identify(original)
    letters = len(_FOREIGN_SCRIPT.findall(rewrite)) - len(_FOREIGN_SCRIPT.findall(original))
    if letters > 20:
        return 1.0
    if language == "und":
        return 0.0
    wrong = sum(
        len(block) for block in suspects if (found := identify(block))[0] not in {language, "und"} and found[1] > 0.8
    )
    return wrong / max(len(rewrite), 1)


def new_names(original: Content, rewrite: Content) -> list[str]:
    """Theorems and names that the rewrite brings in: `by Fermat's theorem` where the page names neither."""
    known = {token[:_STEM] for token in original.numbers.vocabulary}
    prose = rewrite.reading.prose
    found = [name for name in _NAME.findall(prose) if name.casefold()[:_STEM] not in known]
    if found:
        untitled = _TITLES.sub("", prose)
        found = [name for name in _NAME.findall(untitled) if name.casefold()[:_STEM] not in known]
        found = [name for name in found if _names_a_fact(name, untitled)]
    facts = _FACT_WORDS.intersection(rewrite.numbers.vocabulary)
    if not facts:
        return found
    found += [
        name
        for bracket in _BRACKETED.finditer(prose)
        if _FACT_BEFORE.search(prose, max(0, bracket.start() - _NAME_CHARS), bracket.start())
        and (name := bracket[1]).casefold()[:_STEM] not in known
    ]
    for line in prose.split("\n"):
        lower = line.casefold()
        if not any(fact in lower for fact in facts):
            continue
        sentences = _SENTENCE.findall(line)
        for i, sentence in enumerate(sentences):
            for fact in _FACTS.findall(sentence)[:1]:
                # A formal statement goes on after its name: "Theorem (Gauss). Every …"
                goes_on = _STATED.match(sentence) or sentence.rstrip().endswith(fact)
                part = " ".join(sentences[i : i + 2]) if goes_on else sentence
                words = content_words(_WORD.findall(part.casefold()))
                unknown = [word for word in words if word not in known]
                stem = fact.casefold()[:_STEM]
                if stem not in known and stem not in _LOOSE:
                    found.append(fact)
                elif len(unknown) >= 3 and len(unknown) > _UNKNOWN * len(words):
                    found.append(f"{fact}: {' '.join(unknown)}")
    return found


def _names_a_fact(name: str, prose: str) -> bool:
    """Whether a capital word stands for a person or place: possessive, beside a fact, or after `by` and the like."""
    bare = re.escape(name.removesuffix("'s").removesuffix("’s"))
    return (
        name.endswith(("'s", "’s"))
        or re.search(rf"{bare}(?:['’]s?)?(?:[-–]\w+)?(?: [\w-]+){{0,3}} {_FACTS.pattern}", prose, re.IGNORECASE)
        is not None
        or re.search(rf"\b(?:by|of|after|due to|from|in|to|and|with|mathematician) {bare}\b", prose) is not None
    )


def repetition(original: str, rewrite: str) -> float:
    """Share of the rewrite's characters in lines, sentences or loops that repeat, beyond what the original has."""
    share = _repeated(rewrite)
    return max(0.0, share - _repeated(original)) if share else 0.0


def _repeated(text: str) -> float:
    seen: set[str] = set()
    again = 0
    for part in _ENDS.split(text):
        if len(part) >= _SENTENCE_CHARS:
            part = part.strip()
            if part in seen:
                again += len(part)
            seen.add(part)
    tail = text[-600:]
    words = tail.split()
    if len(words) >= 16:
        trigrams = Counter(zip(words, words[1:], words[2:], strict=False))
        often = sum(count for count in trigrams.values() if count > 4)
        again = max(again, int(len(text) * 0.5)) if 2 * often > len(words) else again
    elif len(tail) > 300 and len(set(tail)) < 12:
        again = len(text)
    return again / max(len(text), 1)


def unfinished(original: str, rewrite: str) -> bool:
    """Whether the rewrite breaks off where the original ends."""
    last, before = _last_line(rewrite), _last_line(original)
    if not last or _TERMINAL.search(last):
        return False
    if f"{last}\n" in f"{original}\n":
        return False  # a line that the original ends, too
    words = last.split()
    if words[-1].casefold() in _DANGLING or last.endswith((",", "-", "=", "+")):
        return before.split()[-1:] != words[-1:]
    if _LAST_STRUCTURE.match(last) or len(words) < 6:
        return False
    return _TERMINAL.search(before) is not None and not before.endswith(last)


def _last_line(text: str) -> str:
    return text.rstrip()[-2000:].rsplit("\n", 1)[-1].strip()
