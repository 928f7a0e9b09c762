"""The guard: is a rewrite the same mathematics as its original? Every check has a name and a measured value."""

from collections.abc import Callable

from pipeline.refine.compare import Difference, compare
from pipeline.refine.content import Content, remembered
from pipeline.refine.noise import without_noise, without_repeats
from pipeline.refine.talk import prompt_copied, refusals, remarks, steered
from pipeline.refine.terms import turned
from pipeline.refine.verdict import GuardSettings, Verdict
from pipeline.refine.wording import copied, foreign, new_names, overlap, repetition, unfinished

__all__ = ["GuardSettings", "Verdict", "check_rewrite"]

STRICT = GuardSettings()
"""The defaults: every formula and every number kept, none new."""

_STOPPED = frozenset({"stop", "eos", "end_turn", "stop_sequence"})
_SLACK_WORDS = 40
_FEW_WORDS = 12
"""Content words below which their share says nothing."""
_FOREIGN = 0.1
"""Share of the rewrite in another language that is allowed: a name, a quotation."""
_HOPELESS = 8
"""Times the length beyond which a rewrite that is too long or too short is not read any further."""

_Check = Callable[[str, float, bool], None]


def check_rewrite(
    original: str,
    rewrite: str,
    settings: GuardSettings = STRICT,
    *,
    finish_reason: str = "stop",
    prompt: str = "",
) -> Verdict:
    """Judge a rewrite of a text. Linear in the length of both.

    `finish_reason` is the server's word for why the model stopped; `prompt` holds the instructions that it was given,
    to tell a copy of them (the shipped prompts are always known). A value of the verdict is a share, a ratio or a
    count, as docs/guard.md says of its check.
    """
    values: dict[str, float] = {}
    reasons: list[str] = []

    def check(reason: str, value: float, failed: bool) -> None:
        values[reason] = round(value, 4)
        if failed:
            reasons.append(reason)

    check("finish_reason", finish_reason not in _STOPPED, finish_reason not in _STOPPED)
    words, before = len(rewrite.split()), len(original.split())
    longest = settings.max_length_ratio * before + _SLACK_WORDS
    check("empty", not words and before > 0, not words and before > 0)
    ratio = words / before if before else float(words > 0)
    check("length", ratio, words > 0 and not settings.min_length_ratio * before <= words <= longest)
    check("refusal", count := refusals(original, rewrite), count > 0)
    check("assistant_talk", count := remarks(original, rewrite), count > 0)
    check("steered", obeyed := steered(original, rewrite), obeyed)
    too_long = words > _HOPELESS * longest or len(rewrite) > _HOPELESS * (2 * len(original) + 1000)
    too_short = "length" in reasons and len(original) > _HOPELESS * (2 * len(rewrite) + 1000)
    if words and not too_long and not too_short:
        _check_content(original, rewrite, settings, prompt, check)
    return Verdict(not reasons, reasons, settings.action(reasons), values)


def _check_content(original: str, rewrite: str, settings: GuardSettings, prompt: str, check: _Check) -> None:
    """The checks that read both texts."""
    here = remembered(original)
    there = here if rewrite == original else Content(rewrite)
    spoken, said = here.numbers.tokens, there.numbers.tokens
    shared, stems = overlap(here.numbers.vocabulary, there.numbers.vocabulary)
    check("overlap", shared, stems >= _FEW_WORDS and shared < settings.min_overlap)
    if settings.max_overlap < 1:
        share = copied(spoken, said)
        check("copied", share, share > settings.max_overlap)
    check("unfinished", cut := unfinished(original, rewrite), cut)
    share = repetition(original, rewrite)
    check("repetition", share, share > settings.max_repetition)
    count = prompt_copied(spoken, said, prompt)
    check("prompt_copied", count, count > 0)
    if settings.same_language:
        share = foreign(original, rewrite, shared)
        check("language", share, share > _FOREIGN)
    unclosed = max(0, there.reading.unclosed - here.reading.unclosed)
    check("delimiters", unclosed, unclosed > 0)
    names = new_names(here, there)
    check("names_new", len(names), len(names) > settings.max_new_names)
    words = turned(here, there)
    check("words_altered", len(words), bool(words))

    found = _compare(here, there)
    formulas, numbers = max(found.formulas, 1), max(found.numbers, 1)
    check("formulas_altered", len(found.altered_formulas), bool(found.altered_formulas))
    share = len(found.lost_formulas) / formulas
    check("formulas_lost", share, share > settings.max_lost_formulas)
    share = len(found.new_formulas) / max(there.raw.total(), 1)
    check("formulas_new", share, share > settings.max_new_formulas)
    check("code_altered", len(found.altered_code), bool(found.altered_code))
    check("numbers_altered", len(found.altered_numbers), bool(found.altered_numbers))
    share = len(found.lost_numbers) / numbers
    check("numbers_lost", share, share > settings.max_lost_numbers)
    share = len(found.new_numbers) / max(there.numbers.kept.total(), 1)
    check("numbers_new", share, share > settings.max_new_numbers)


def _compare(here: Content, there: Content) -> Difference:
    """What was lost, altered and is new; what may go is looked for only where something is missing."""
    found = compare(here, there)
    if not (found.lost_formulas or found.lost_numbers or found.altered_formulas or found.altered_numbers):
        return found
    cleaned, rewrite = without_noise(here.text), without_noise(there.text)
    if cleaned != here.text:
        # A line of noise may go, but what stands in its place must not be new.
        known = set(found.unsupported)
        kept = there if rewrite == there.text else Content(rewrite)
        found = compare(Content(cleaned), kept, here)
        found.new_numbers += sorted(known - set(found.unsupported))
    if found.lost_formulas or found.lost_numbers:
        once = without_repeats(cleaned)
        if once != cleaned:
            least = compare(Content(once), Content(without_repeats(rewrite)), here)
            found.lost_formulas, found.lost_numbers = least.lost_formulas, least.lost_numbers
    return found
