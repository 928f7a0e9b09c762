"""Grading over a table of cases by kind: equal and different spellings, and whole responses, by both judges.

`grading_cases.txt`: a line is a gold and, behind tabs, answers in a box that equal it (`=`) or not (`≠`), and whole
responses that are right (`⇒`) or wrong (`⇏`); `⏎` stands for a new line.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from training.rl.equivalence import compare, decide
from training.rl.final_answer import final_answer
from training.rl.grading import GradingPool, grade_batch
from training.rl.symbolic import symbols


class Case(NamedTuple):
    """One gold, one response, and whether it is right."""

    gold: str
    response: str
    right: bool


def _cases() -> dict[str, list[Case]]:
    kinds: dict[str, list[Case]] = {}
    for line in (Path(__file__).parent / "grading_cases.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and "\t" not in line:
            cases = kinds.setdefault(line[1:-1], [])
            continue
        gold, *answers = line.replace("⏎", "\n").split("\t")
        for answer in answers:
            text = answer[1:] if answer[0] in "⇒⇏" else rf"Thus the answer is $\boxed{{{answer[1:]}}}$."
            cases.append(Case(gold, text, answer[0] in "=⇒"))
    return kinds


KINDS = _cases()


@pytest.fixture(scope="module")
def pool() -> Iterator[GradingPool]:
    pool = GradingPool(workers=1)
    yield pool
    pool.close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_case_is_graded_as_it_should(kind: str, pool: GradingPool) -> None:
    cases = KINDS[kind]
    grades = grade_batch([case.gold for case in cases], [case.response for case in cases], pool=pool)
    assert [case for case, grade in zip(cases, grades, strict=True) if grade.correct != case.right] == []
    assert {grade.status for grade in grades} <= {"ok", "no_answer"}


@pytest.mark.parametrize("kind", KINDS)
def test_symbols_alone_agree_with_what_arithmetic_decides(kind: str) -> None:
    for gold, response, _ in KINDS[kind]:
        answer = final_answer(response)
        if answer and "boxed" not in gold and (decided := compare(gold, answer)) is not None:
            assert decide(gold, answer, symbols) == decided, (gold, answer)
