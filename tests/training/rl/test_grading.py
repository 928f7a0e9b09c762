"""Grading: exact verdicts on what verifiers get wrong, statuses, and workers that can be killed."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from math_verify import parse, verify

from training.rl.equivalence import compare
from training.rl.final_answer import final_answer
from training.rl.grading import GradingPool, grade_batch, shared_pool
from training.rl.rewards import grade_answer
from training.rl.symbolic import equal

EQUAL = [
    (r"\dfrac{1}{2}", r"\frac12"),
    (r"\$5.00", "5"),
    ("no solution", r"\emptyset"),
    (r"\pi", "3.14159"),
    ("(-2,3]", r"-2 < x \leq 3"),
    ("x>3", r"(3,\infty)"),
    (r"e^{i\pi}", "-1"),
    ("1.5e3", "1500"),
    (r"6\times10^{23}", "6e23"),
    ("True", "true"),
    (r"\overline{AB}", "AB"),
    (r"\mathbb{R}", r"\mathbb R"),
    ("10", "10 cm"),
    ("10 cm", "10"),
    (r"10\text{ cm}", r"10\,\mathrm{cm}"),
    (r"3 \text{ hours}", "3 hrs"),
    (r"864 \mbox{ inches}^2", r"864\text{ square inches}"),
    ("5", "x = 5"),
    ("x=5", "5"),
    ("1,000", "1000"),
    (r"10,\!080", "10080"),
    (r"25\%", "25"),
    ("25", r"25\%"),
    ("0.25", r"25\%"),
    ("(C)", "C"),
    (r"\text{Evelyn}", "evelyn"),
    ("1,2", "2,1"),
    ("2,-3", "x=2, x=-3"),
    (r"\{1,2\}", "1 and 2"),
    (r"2\frac{1}{2}", "2.5"),
    (r"2\sqrt{3}", r"\sqrt{12}"),
    (r"3\sqrt{13}", "3*sqrt(13)"),
    ("x^2+2x+1", "(x+1)^2"),
    ("p-q", "-q+p"),
    (r"\begin{pmatrix} -1/3 \\ 2/3 \end{pmatrix}", r"\begin{bmatrix} -\frac{1}{3} \\ \frac{2}{3} \end{bmatrix}"),
    ("y=2x+1", "2x-y+1=0"),
    (r"90^\circ", r"90\text{ degrees}"),
    ("2516_8", "2516"),
    ("10", "1010_2"),
    (r"(-\infty,2)\cup(3,\infty)", r"(3, \infty) \cup (-\infty, 2)"),
    (r"1 \pm \sqrt{19}", r"1+\sqrt{19}, 1-\sqrt{19}"),
    (r"x \in [1,2]", "[1,2]"),
    ("10!", "3628800"),
    ("5", "3 + 2 = 5"),
    ("5", "k = 2+3 = 5"),
    (r"12.5\%", r"\frac{1}{8}"),
    (r"33\frac{1}{3}\%", r"\frac{1}{3}"),
    (r"0.\overline{3}", r"\frac{1}{3}"),
    (r"\frac{1}{7}", r"0.\overline{142857}"),
    (r"-\frac{7}{6}", r"-1.1\bar{6}"),
    ("infinitely many solutions", r"\text{infinitely many}"),
    ("all real numbers", r"\mathbb{R}"),
    ("3.14", r"\approx 3.14"),
    ("3.14", "x ≈ 3.14"),
    ("(a,b)=(1,2)", "(1,2)"),
    ("(x,y)=(1,2)", r"x=1,\ y=2"),
    ("1/2", r"\cos 60^\circ"),
    ("-5", "−5"),
    (r"\text{AF}_{16}", "AF_{16}"),
    ("x=3,5", r"x=3 \text{ or } x=5"),
    ("5", r"\color{red}{5}"),
    ("5", r"\bf 5"),
    ("5", r"\underline{5}"),
    (r"7:30 \text{ a.m.}", "7:30 AM"),
    ("12 gm", "12 grams"),
    (r"15\mbox{ cm}^2", "15"),
    ("9.8 m/s^2", "9.8"),
]
DIFFERENT = [
    ("x^2+1=0", "y=0"),
    ("1/2004!", "1/2006!"),
    ("1/2^{99}", "1/2^{98}"),
    (r"\frac{2^{2005}+1}{3\cdot 2^{2006}}", r"\frac{1}{3\cdot 2^{2006}}"),
    (r"1-1/\mathrm{e}", r"1+1/\mathrm{e}"),
    (r"1,2,\ldots,10", r"1,3,\ldots,10"),
    ("4", r"4\sqrt(2)"),
    ("(1,2)", r"\{1,2\}"),
    ("(1,2)", "(2,1)"),
    ("10 cm", "10 km"),
    ("5 miles", "5 kilometers"),
    ("2 hours", "2 minutes"),
    ("3.1415926", "3.1415929"),
    ("x=5", "y=5"),
    (r"\frac{1}{3}", "0.333"),
    ("25", r"0.25\%"),
    ("(C)", "D"),
    (r"\text{Evelyn}", "Briana"),
    ("[0,1)", "(0,1)"),
    ("1010", "1010_2"),
    ("y=2x+1", "y=2x-1"),
    ("1.0000001", "1"),
    ("100000000000000000001", "100000000000000000000"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1\\3\end{pmatrix}"),
    (r"\begin{pmatrix}1&2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
    ("2:3", "3:2"),
    ("5", "x^2+1=5"),
    (r"0.\overline{3}", "0.33"),
    (r"12.5\%", r"\frac{1}{80}"),
    ("(a,b)=(1,2)", "(b,a)=(1,2)"),
    ("(a,b)=(1,2)", "(2,1)"),
    (r"7:30 \text{ a.m.}", "7:30 PM"),
    ("0.5", r"\cos 60"),
    (r"18^\circ", "18x^8"),
    (r"5\text{ inches}", "5r^5"),
    ("3:1", "3R^2"),
    ("18", "18 xy^2"),
    ("18", r"18\,ab"),
    ("5", "5 m^2 n"),
    (r"\infty", "10^{100}"),
    (r"\infty", r"-\infty"),
    ("all real numbers", r"\emptyset"),
]


@pytest.fixture(scope="module")
def pool() -> Iterator[GradingPool]:
    pool = GradingPool(workers=1, limit_s=2.0)
    yield pool
    pool.close()


def _boxed(answers: list[str]) -> list[str]:
    return [rf"Thus the answer is $\boxed{{{answer}}}$." for answer in answers]


def test_equal_answers_are_accepted(pool: GradingPool) -> None:
    grades = grade_batch([gold for gold, _ in EQUAL], _boxed([answer for _, answer in EQUAL]), pool=pool)
    assert [
        pair for pair, grade in zip(EQUAL, grades, strict=True) if (grade.correct, grade.status) != (True, "ok")
    ] == []


def test_different_answers_are_refused(pool: GradingPool) -> None:
    grades = grade_batch([gold for gold, _ in DIFFERENT], _boxed([answer for _, answer in DIFFERENT]), pool=pool)
    assert [
        pair for pair, grade in zip(DIFFERENT, grades, strict=True) if (grade.correct, grade.status) != (False, "ok")
    ] == []


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"So $\boxed{2}$ and $\boxed{3}$.", "2, 3"),
        (r"We get $x=\boxed{1}, y=\boxed{-2}$.", "1, -2"),
        (r"First \boxed{7}. Now we check. Hence \boxed{8}.", "8"),
        (r"\boxed{5} is it. The answer is \boxed{5}", "5"),
        (r"\boxed{\frac{1}{\sqrt{2}}}", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed 5", "5"),
        (r"\boxed{1} but then \boxed{unclosed", "1"),
        ("<think>\\boxed{1}</think> The answer is 2.", "2"),
        ("<think>maybe \\boxed{1}", None),
        ("so <answer> 42 </answer>", "42"),
        ("She has 3 + 4 = 7 apples.\n#### 7", "7"),
        ("Hence the final answer is **12**.", "12"),
        ("The answer is: $x^2 + 1$. Done", "x^2 + 1"),
        ("we add the 3 to the 4 and finally obtain 7 in all of this", "7"),
        ("The answer is 5, not 6.", "5"),
        ("The answer is 72 (clips).", "72"),
        ("The correct option is A", "A"),
        ("Both lines meet in the point (1, -2), as the figure shows.", "(1, -2)"),
        ("", None),
    ],
)
def test_where_the_final_answer_stands(response: str, answer: str | None) -> None:
    assert final_answer(response) == answer


def test_the_last_box_rule_wants_a_box_and_takes_one() -> None:
    assert final_answer(r"$\boxed{2}$ and $\boxed{3}$", last_box=True) == "3"
    assert final_answer("The answer is 3", last_box=True) is None
    assert [grade.status for grade in grade_batch(["3"], ["It is 3"], last_box=True)] == ["no_answer"]


def test_statuses_of_what_is_not_compared(pool: GradingPool) -> None:
    deep = "(" * 51 + "x" + ")" * 51
    golds = ["", r"\boxed{}", "1", "1", "x" * 3000, "x", deep]
    responses = [r"\boxed{1}", r"\boxed{1}", "", rf"\boxed{{{'1+' * 3000}1}}", rf"\boxed{{{'x' * 3000}}}"]
    responses += [rf"\boxed{{{deep}}}"] * 2
    grades = grade_batch(golds, responses, pool=pool)
    assert [(grade.status, grade.correct) for grade in grades] == [
        ("bad_gold", False),
        ("bad_gold", False),
        ("no_answer", False),
        ("too_long", False),
        ("ok", True),
        ("too_deep", False),
        ("ok", True),
    ]


def test_a_grade_is_a_triple() -> None:
    ((correct, status, seconds),) = grade_batch(["1"], [r"\boxed{1}"])
    assert (correct, status) == (True, "ok")
    assert 0 <= seconds < 1


def test_golds_and_responses_have_to_pair() -> None:
    with pytest.raises(ValueError, match="2 golds for 1 responses"):
        grade_batch(["1", "2"], ["1"])


def test_a_comparison_that_does_not_end_is_a_timeout_and_the_next_one_is_graded() -> None:
    pool = GradingPool(workers=1, limit_s=0.5)
    golds = [r"x^{9^{9^{9}}}+y", "x+y", "a+b"]
    responses = [r"\boxed{y+x^{9^{9^{9^{9}}}}+1}", r"\boxed{y+x}", r"\boxed{" + "(" * 40 + "b+a" + ")" * 40 + "}"]
    hostile, plain, nested = grade_batch(golds, responses, pool=pool)
    pool.close()
    assert not hostile.correct
    assert (plain.correct, plain.status) == (True, "ok")
    assert nested.status in ("ok", "timeout", "memory", "error: RecursionError")


def test_a_comparison_that_never_comes_back_to_python_is_a_timeout_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal\n"
        "from training.rl import symbolic\n"
        "acts = {'b+a': lambda: sum(range(10**15)), 't+s': lambda: os.kill(os.getpid(), signal.SIGSEGV)}\n"
        "symbolic.equal = lambda gold, answer: acts[answer]() if answer in acts else True\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pool = GradingPool(workers=1, limit_s=0.1)
    responses = [rf"\boxed{{{answer}}}" for answer in ("b+a", "y+x", "t+s", "v+u")]
    grades = grade_batch(["a+b", "x+y", "s+t", "u+v"], responses, pool=pool)
    pool.close()
    assert [(grade.correct, grade.status) for grade in grades] == [
        (False, "timeout"),
        (True, "ok"),
        (False, "crash"),
        (True, "ok"),
    ]


def test_a_killed_worker_is_a_crash_and_is_replaced(pool: GradingPool) -> None:
    grade_batch(["x+y"], [r"\boxed{y+x}"], pool=pool)
    (worker,) = pool._idle
    worker.kill()
    worker.wait()
    assert grade_batch(["x+y"], [r"\boxed{y+x}"], pool=pool)[0].correct  # found dead before it was asked


def test_grading_works_in_threads() -> None:
    found: list[float] = []
    threads = [threading.Thread(target=lambda: found.append(grade_answer("a+b", r"\boxed{b+a}"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shared_pool().close()
    assert found == [1.0] * 4


def test_grading_works_from_standard_input_without_a_main_guard() -> None:
    program = "from training.rl.rewards import grade_answer\nprint(grade_answer('a+b', r'\\boxed{b+a}'))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-"], input=program, capture_output=True, text=True, timeout=60, check=True, env=environment
    )
    assert done.stdout == "1.0\n"


@pytest.mark.parametrize(
    "response",
    [
        "{" * 10_000_000,
        "\\boxed{" * 100_000,
        "$" * 1_000_000,
        "\\(" * 500_000,
        "the answer is " * 100_000,
        "\\frac{1}" * 100_000,
    ],
)
def test_hostile_responses_are_read_in_bounded_time(response: str, pool: GradingPool) -> None:
    assert grade_batch(["987"], [response], pool=pool)[0].correct is False


@pytest.mark.data
def test_arithmetic_never_disagrees_with_symbols(real_data: Path) -> None:
    golds = []
    for name in ("gsm8k_test", "math500"):
        golds += [json.loads(line)["answer"] for line in (real_data / f"eval_sets/{name}.jsonl").open(encoding="utf-8")]
    golds = sorted(set(golds))
    pairs = [*zip(golds, golds, strict=True), *zip(golds, golds[7:] + golds[:7], strict=True)][::4]
    decided = [(gold, answer, verdict) for gold, answer in pairs if (verdict := compare(gold, answer)) is not None]
    assert len(decided) > 0.9 * len(pairs)
    assert [item for item in decided if equal(item[0], item[1]) != item[2]] == []


@pytest.mark.data
def test_cases_of_other_projects_pass_at_least_as_often_as_with_plain_math_verify(
    real_data: Path, pool: GradingPool
) -> None:
    cases = _peer_cases(real_data / "peer_tests")
    assert len(cases) == 52
    grades = grade_batch([gold for gold, _, _ in cases], [response for _, response, _ in cases], pool=pool)
    plain = [bool(verify(parse(f"${gold}$"), parse(response))) == right for gold, response, right in cases]
    ours = [grade.correct == right for grade, (_, _, right) in zip(grades, cases, strict=True)]
    assert sum(ours) >= sum(plain)
    assert all(ours)  # plain math-verify: 30


def _peer_cases(folder: Path) -> list[tuple[str, str, bool]]:
    """(gold, response, right) of the cases about answers; those about formats or rewards of another kind are none."""

    def rows(name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]

    cases: list[tuple[str, str, bool]] = []
    for row in rows("open_instruct_verifier_cases"):
        if row["cls"] in ("TestPuzzleMatcherVerifier", "TestGSM8KVerifier"):
            cases.append((row["label"], row["prediction"], row["expected_score"] == 1.0))
    for row in rows("rllm_math_reward_cases"):
        gold, asserts = row["task_info"]["ground_truth"], row["asserts"]
        if isinstance(gold, str) and len(asserts) == 2 and "is_correct" in asserts[0] and "format" not in row["test"]:
            cases.append((gold, row["model_response"], "is True" in asserts[0]))
    for row in rows("trl_reward_cases"):
        if "accuracy" in row["test"] or "correct_answer" in row["test"]:
            completions, golds = (row.get(key) or row.get(f"{key}s") for key in ("completion", "solution"))
            for place, (completion, gold) in enumerate(zip(completions or [], golds or [], strict=True)):
                if verdict := [text for text in row["asserts"] if f"rewards[{place}] ==" in text]:
                    cases.append((gold, completion[0]["content"], "1.0" in verdict[0]))
    return cases


@pytest.mark.data
def test_scored_outputs_of_a_real_model(real_data: Path, pool: GradingPool) -> None:
    golds, responses, scores = [], [], []
    for line in (real_data / "peer_tests/qwen_math_cot100_scored.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        golds += [row["gt"]] * len(row["code"])
        responses += row["code"]
        scores += row["score"]
    grades = grade_batch(golds, responses, pool=pool)
    # One disagreement: the gold 10{,}000 against 10000, which the labels call wrong.
    assert sum(grade.correct == bool(score) for grade, score in zip(grades, scores, strict=True)) >= 799


@pytest.mark.parametrize(
    "text", [r"\begin{cases}\end{cases}", "\ud800", "\x00", r"\binom", r"\text{", "2 ^", r"\pm", "=", "1/0"]
)
def test_fragments_are_graded_without_an_error(text: str, pool: GradingPool) -> None:
    right, wrong = grade_batch([text, "7"], [rf"\boxed{{{text}}}"] * 2, pool=pool)
    assert right.status in ("ok", "no_answer", "bad_gold")
    assert not wrong.correct
