"""Words that belong to the conversation with a model and not to a text: refusals, remarks, the prompt, obedience."""

import re
from functools import cache
from itertools import pairwise

from pipeline.refine.prompts import shipped_prompts

_EDGE_CHARS = 400
_GRAM = 6

_REFUSAL = re.compile(
    r"\b(?:I(?:'m| am) sorry\b.{0,60}\b(?:can(?:no|')t|unable|not able)"
    r"|I (?:can(?:no|')t|am unable to|am not able to|won't) (?:help|assist|provide|fulfil|comply|rewrite|process"
    r"|complete|do that|answer|edit|access|continue|refine|generate)"
    r"|as an? (?:AI|artificial intelligence|(?:large )?language model)\b"
    r"|I(?:'m| am) (?:just )?an? (?:AI|(?:large )?language model)\b"
    r"|(?:against|violates?) (?:my|our|the) (?:guidelines|policy|policies)|I must decline"
    r"|(?:no|there is no) (?:text|content) (?:was |is |has been )?(?:provided|given|to (?:rewrite|refine|edit))"
    r"|please (?:provide|share|paste) (?:the|your|me|some) (?:\w+ )?(?:text|content|page)"
    r"|(?:sorry|apologi[sz]e)\b.{0,80}\b(?:request|assist|rewrite))",
    re.IGNORECASE,
)
_EDITED = (
    r"(?:refined|rewritten|rewrote|revised|edited|cleaned|polished|improved|reorgani[sz]ed|restructured|reformatted"
    r"|rephrased|paraphrased|reworded)"
)
_OPENING = re.compile(
    r"[\s*#>_]*(?:"
    r"(?:sure|certainly|of course|absolutely|okay|ok|great|got it|understood|no problem)\b[\s,.!:—-]{1,3}"
    r"(?=here|I|below|let|this|\n|the (?:text|refined|rewritten|following))"
    r"|(?:here(?:'s|’s| is| are)|below (?:is|are)|the following is|this is|I(?:'ve| have)|I will now|I'll)\b"
    rf"[^\n]{{0,100}}\b(?:{_EDITED}|requested|rewrite|version of (?:the|your))"
    rf"|{_EDITED}(?:-up)? (?:text|version|content|page|passage|document)\b)",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"\b(?:(?:I )?hope this helps|(?:please )?let me know if|feel free to (?:ask|reach|let)|would you like me to"
    r"|if you(?:'d| would) like(?:,| me)|if you (?:have|need) any (?:further|other|more)|happy to help"
    r"|is there anything else|do you want me to|as (?:you )?requested|per your (?:request|instructions)"
    r"|(?:the )?(?:original|provided|given|source) text|(?:your|the|my) (?:prompt|instructions)\b"
    r"|(?:I|this version|this rewrite)(?:'ve| have| has)? (?:removed|omitted|kept|preserved|rewritten|rewrote|refined"
    r"|reorgani[sz]ed|restructured|corrected|fixed|made (?:some|the|a few|minor))\b"
    r"|(?:rest of|remaining) (?:the )?(?:text|content)|word count ?:|end of (?:the )?(?:text|rewrite|document)\b"
    r"|knowledge cutoff)"
    r"|\[(?:the )?(?:rest|remainder) of|\[(?:content|text) (?:continues|omitted)"
    r"|</?(?:think|text|document|rewrite|answer|output|s)>|\[/?INST\]|^(?:assistant|user|system) ?:",
    re.IGNORECASE | re.MULTILINE,
)
_INJECTED = re.compile(
    r"(?:(?:ignore|disregard|forget|override|bypass|skip)\b.{0,40}\b(?:instruction|prompt|direction|rule|guideline|task"
    r"|above|previous|prior|earlier)|you are now\b|new instructions?\b|system prompt"
    r"|(?:answer|reply|respond|output|say|write|print|return) (?:only|just|with only|with just|nothing but|exactly)"
    r"|do not (?:rewrite|refine|follow|edit))"
)
# One of these is in every text that the pattern of the same name matches; looking for them is far faster.
_REFUSAL_SIGNS = (
    "sorry", "can't", "cannot", "unable", "not able", "won't", "as an ai", "as a ", "as an art", "as a l", "i'm a",
    "i am a", "guideline", "polic", "decline", "no text", "no content", "please ", "apolog", "an ai", "just a",
)  # fmt: skip
_REMARK_SIGNS = (
    "hope this", "let me know", "feel free", "would you like", "if you", "happy to help", "anything else",
    "do you want", "request", "instructions", "prompt", "original text", "provided text", "given text", "source text",
    "i removed", "i omitted", "i kept", "i preserved", "i re", "i corrected", "i fixed", "i made", "i've", "i have ",
    "i has ", "this version", "this rewrite", "rest of", "remaining ", "word count", "end of", "cutoff", "[the ",
    "[rest", "[remainder", "[content", "[text", "think>", "text>", "document>", "rewrite>", "answer>", "output>", "<s>",
    "</s>", "inst]", "assistant", "user", "system",
)  # fmt: skip
_SIGNS = (
    "ignore", "disregard", "forget", "override", "bypass", "skip", "you are now", "new instruction", "system prompt",
    "do not rewrite", "do not refine", "do not follow", "do not edit",
)  # fmt: skip
_RESTRICTED = re.compile(r" (?:with )?(?:only|just|nothing but|exactly)")
_ASKING = ("answer", "reply", "respond", "output", "say", "write", "print", "return")
_DEMANDED = re.compile(
    r"\b(?:answer|reply|respond|output|say|write|print|return)\s+(?:only|just|exactly|nothing but|with)?\s*"
    r"(?:with|only|just|exactly|the words?|the phrase)?\s*[:]?\s*[\"'“‘`*]*([^\"'”’`*.!\n]{1,60})",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+|[.!?;:|]")


def refusals(original: str, rewrite: str) -> int:
    """Refusals in the rewrite that the original does not have."""
    return _strange(_found(_REFUSAL, _REFUSAL_SIGNS, _edges(rewrite)), original)


def remarks(original: str, rewrite: str) -> int:
    """Remarks of an assistant, at the beginning or the end of the rewrite, that the original does not have."""
    edges = _edges(rewrite)
    opening = _OPENING.match(edges)
    found = [opening[0]] if opening else []
    return _strange(found + _found(_REMARK, _REMARK_SIGNS, edges[opening.end() :] if opening else edges), original)


def _edges(text: str) -> str:
    return text if len(text) <= 2 * _EDGE_CHARS else f"{text[:_EDGE_CHARS]}\n{text[-_EDGE_CHARS:]}"


def _found(pattern: re.Pattern[str], signs: tuple[str, ...], text: str) -> list[str]:
    lower = text.casefold()
    return [match[0] for match in pattern.finditer(text)] if any(sign in lower for sign in signs) else []


def _strange(phrases: list[str], original: str) -> int:
    """How many of the phrases the original does not have."""
    if not phrases:
        return 0
    plain = " ".join(original.split()).casefold()
    return sum(" ".join(phrase.split()).casefold().strip("*#>_ ") not in plain for phrase in phrases)


def prompt_copied(original: list[str], rewrite: list[str], prompt: str) -> int:
    """Runs of six words that the rewrite has from the prompt, or from a shipped prompt, and not from the original.

    Both texts are given as lower-case words.
    """
    known, starts = _shipped_grams()
    if prompt:
        own = _grams(_words(prompt))
        known, starts = known | own, starts | {gram[:2] for gram in own}
    places = [i for i, pair in enumerate(pairwise(rewrite)) if pair in starts]
    shared = {gram for i in places if (gram := tuple(rewrite[i : i + _GRAM])) in known}
    return len(shared - _grams(original)) if shared else 0


def steered(original: str, rewrite: str) -> bool:
    """Whether the page gives orders to a model and the rewrite does what they ask instead of what it was asked."""
    lower = original.casefold()
    if not any(sign in lower for sign in _SIGNS) and not any(
        lower.endswith(_ASKING, 0, match.start()) for match in _RESTRICTED.finditer(lower)
    ):
        return False
    orders = [order for order in _INJECTED.finditer(lower) if not lower[order.start() - 1 : order.start()].isalnum()]
    if not orders:
        return False
    answer = rewrite.strip().strip("\"'*`.!“”‘’").casefold()
    for order in orders:
        near = lower[max(0, order.start() - 10) : order.end() + 120]
        for demanded in _DEMANDED.finditer(near):
            wanted = demanded[1].strip().casefold()
            if wanted and (answer == wanted or re.search(rf"^\W*{re.escape(wanted)}\W*$", rewrite, re.I | re.M)):
                lines = {line.strip(" \t\"'*`.!").casefold() for line in original.splitlines()}
                if wanted not in lines or answer == wanted:
                    return True
    return 3 * len(rewrite.split()) < len(original.split())


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _grams(words: list[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(zip(*(words[i:] for i in range(_GRAM)), strict=False))


@cache
def _shipped_grams() -> tuple[frozenset[tuple[str, ...]], frozenset[tuple[str, ...]]]:
    """Runs of the shipped prompts, and the two words that each begins with."""
    grams: set[tuple[str, ...]] = set()
    for prompt in shipped_prompts():
        for message in prompt.messages("", ("",)):
            grams |= _grams(_words(message["content"]))
    return frozenset(grams), frozenset(gram[:2] for gram in grams)
