"""The offline backend: each document through the rules, its edit checked like a model's rewrite."""

from collections.abc import Callable, Iterator
from typing import Any

from pipeline.refine import rules
from pipeline.refine.guard import check_rewrite
from pipeline.refine.outcome import Outcome, end_of
from pipeline.refine.settings import RefineSettings


class Editor:
    """`rules.edit` behind the same face as a model."""

    name = rules.NAME

    def __init__(self, settings: RefineSettings) -> None:
        self._settings = settings

    def run(
        self, documents: Callable[[], Iterator[dict[str, Any]]], take: Callable[[dict[str, Any], Outcome], None]
    ) -> None:
        """Give `take` every document with its outcome, in order."""
        for document in documents():
            take(document, self._outcome(document["text"]))

    def _outcome(self, text: str) -> Outcome:
        edited = rules.edit(text)
        verdict = check_rewrite(text, edited, self._settings.guard)
        return Outcome(
            action=end_of(verdict, self._settings.otherwise),
            texts=(edited,) if verdict.accept else (),
            reasons=tuple(verdict.reasons),
            raised=tuple(sorted(set(verdict.reasons))),
            values=tuple(sorted(verdict.values.items())),
            refused=None if verdict.accept else edited,
        )
