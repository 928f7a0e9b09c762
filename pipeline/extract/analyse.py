"""Everything that touches the inside of a page or text, in one pass: text and formulas, language, scores.

As a program (`python -m pipeline.extract.analyse`) it is the child of `pipeline.extract.fence`: it reads batches of
pages from standard input and writes one result per page, under a memory limit, and under a CPU limit per page that the
kernel enforces. Only the fence writes to it, so both directions are pickles.
"""

import os
import pickle
import resource
import signal
import sys
import traceback
from typing import IO, Any

import psutil

from classifiers import load_model
from classifiers.language import load_language_model
from pipeline.extract.html import LimitExceeded, extract
from pipeline.extract.page import AnalyserSettings, Analysis, PageInput, Refused, TextInput
from pipeline.refine.reading import read
from pipeline.scores import Scorer


class Analyser:
    """Models loaded once; `analyse` is a pure function of the page."""

    def __init__(self, settings: AnalyserSettings) -> None:
        self._settings = settings
        self._language = load_language_model(settings.language_model)
        self._math = load_model(settings.math_model)
        self._further = Scorer(settings.classifiers)

    def analyse(self, page: PageInput | TextInput) -> Analysis | Refused:
        """Text, language and scores of a page or text, or why it gives no document."""
        if isinstance(page, TextInput):
            known = page.language, page.language_score
            return self._judge(page.text, "", len(read(page.text).formulas), page.math_score, known)
        try:
            content = extract(page.html, page.url, page.charset, self._settings.limits)
        except LimitExceeded as limit:
            return Refused(limit.reason, limit.value)
        if not content.text:
            return Refused("empty", f"{len(page.html)} bytes of HTML")
        return self._judge(content.text, content.title, content.formulas, None, (None, None))

    def _judge(
        self, text: str, title: str, formulas: int, math: float | None, known: tuple[str | None, float | None]
    ) -> Analysis | Refused:
        """The analysis of a text; what is known of it is not computed. Half of a language and its score is nothing."""
        math_score = self._math.score([text])[0] if math is None else math
        if math_score < self._settings.min_math_score:
            return Refused("math_floor", f"{math_score:.3f}")
        language, language_score = known
        if language is None or language_score is None:
            language, language_score = self._language.identify(text)
        # Rounded: the last digits of a sum differ from processor to processor, and digests shall not.
        scores = round(language_score, 4), round(math_score, 4)
        further = self._further.scores(text)
        return Analysis(text, title, formulas, language, *scores, further)


def main() -> None:
    """Serve the fence until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests: IO[bytes] = os.fdopen(os.dup(0), "rb")
    results: IO[bytes] = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get among the results
    settings: AnalyserSettings = pickle.load(requests)
    analyser = Analyser(settings)
    in_use = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (in_use + settings.memory_limit_bytes,) * 2)
    while True:
        try:
            pages: list[PageInput | TextInput] = pickle.load(requests)
        except EOFError:
            return
        for page in pages:
            _limit_cpu(settings.cpu_limit_s)
            pickle.dump(_answer(analyser, page), results, pickle.HIGHEST_PROTOCOL)
            results.flush()


def _answer(analyser: Analyser, page: PageInput | TextInput) -> Any:
    try:
        return analyser.analyse(page)
    except Exception as error:  # noqa: BLE001 - the fence decides: such a page is tried once more, then recorded by its error
        print(f"{page.url[:500]}", file=sys.stderr)
        traceback.print_exc()
        return error.__class__.__name__


def _limit_cpu(seconds: int) -> None:
    """The kernel ends this process (SIGXCPU) when the coming page has used its CPU time."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used) + seconds + 1, hard))


if __name__ == "__main__":
    main()
