"""Annotation against a model server: each answer is paid for once, none is guessed, every document is accounted for."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest
from annotate.conftest import Write

import mathmill
from pipeline.annotate.pages import page_files
from pipeline.annotate.rubric import load_rubric
from pipeline.annotate.run import Annotation
from pipeline.annotate.settings import AnnotateSettings
from pipeline.errors import BadInput
from pipeline.files import file_digest, read_json
from pipeline.progress import Reporter
from pipeline.serving.client import ServerGone
from support.chat_server import ChatServer, Reply
from support.crawl import command, run
from support.rubric_server import score as rule


def annotation(server: ChatServer, path: Path, out: Path, **changes: Any) -> Annotation:
    settings = AnnotateSettings(model="tests/model", base_url=server.url, **changes)
    return Annotation(page_files([str(path)]), settings, out, Reporter(quiet=True))


def lines(out: Path, name: str = "annotations") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def system(body: dict[str, object]) -> str:
    messages: Any = body["messages"]
    return str(messages[0]["content"])


def pages(count: int) -> list[dict[str, Any]]:
    return [
        {
            "text": f"Page {n}.",
            "id": f"{n:032x}",
            "date": f"{2020 + n % 2}-01-01T00:00:00Z",
            "url": f"https://h{n % 3}.test",
        }
        for n in range(count)
    ]


def test_rows_say_what_was_scored_by_whom_and_the_ledger_balances(documents: Write, tmp_path: Path) -> None:
    path, out = documents("pages", *pages(12), {"url": "no text"}), tmp_path / "out"

    def answer(text: str, body: dict[str, object], before: int) -> Reply:
        return Reply(f"It is a page.\nScore: {int(text.split()[1].rstrip('.')) % 6}")

    with ChatServer(answer) as server:
        summary = annotation(server, path, out, documents=10, revision="r1").run()
    rows = lines(out)
    assert len(rows) == len(server.requests) == 10
    for row in rows:
        number = int(row["id"], 16)
        assert (row["url"], row["source"]) == (f"https://h{number % 3}.test", f"h{number % 3}.test")
        assert (row["year"], row["stratum"]) == (str(2020 + number % 2),) * 2
        assert (row["text"], row["chars"], row["weight"]) == (f"Page {number}.", len(f"Page {number}."), 1.2)
        assert row["tokens"] > 0
        assert row["score"] == number % 6
        assert row["label"] == ("useful" if number % 6 >= 3 else "other")
        assert (row["model"], row["justification"]) == ("tests/model:r1", "It is a page.")
        assert row["prompt"] == load_rubric("study-value").name
    assert summary["ledger"] == {"in": 13, "kept": 10, "dropped": {"no_text": 1, "not_sampled": 2}}
    assert summary["scores"] == dict(sorted(Counter(row["score"] for row in rows).items()))
    assert {name: row["scored"] for name, row in summary["strata"].items()} == {"2020": 5, "2021": 5}
    assert read_json(out / "summary.json")["annotations"]["xxh3_128"] == file_digest(out / "annotations.jsonl")
    assert {body["temperature"] for body in server.requests} == {0.0}


def test_an_answer_without_a_score_is_asked_again_by_rule_and_then_counted(documents: Write, tmp_path: Path) -> None:
    replies = {
        "Mends.": [Reply("Well."), Reply("Score: 4")],
        "Never.": [Reply("Well."), Reply("Score: 9"), Reply("Score: 1\nScore: 2")],
        "Long.": [Reply("On and on", finish_reason="length")] * 3,
        "Refused.": [Reply(status=400, body=b'{"error": {"message": "too long"}}')],
    }
    asked: Counter[str] = Counter()

    def answer(text: str, body: dict[str, object], before: int) -> Reply:
        asked[text] += 1
        return replies[text][asked[text] - 1]

    path, out = documents("pages", *({"text": text} for text in replies)), tmp_path / "out"
    with ChatServer(answer) as server:
        summary = annotation(server, path, out).run()
        again = annotation(server, path, out).run()
    assert asked == {"Mends.": 2, "Never.": 3, "Long.": 3, "Refused.": 1}
    assert [(row["text"], row["score"]) for row in lines(out)] == [("Mends.", 4)]
    assert {row["reason"]: row["answer"] for row in lines(out, "unscored")} == {
        "several_scores": "Score: 1\nScore: 2",
        "cut_off": "On and on",
        "no_answer": "http_400: too long",
    }
    expected = {"in": 4, "kept": 1, "dropped": {"cut_off": 1, "no_answer": 1, "several_scores": 1}}
    assert summary["ledger"] == expected
    assert again == summary | {"answers": {"known": 9, "asked": 0}}
    never = [body for body in server.requests if "Never." in json.dumps(body)]
    assert [body["seed"] for body in never] == [0, 1, 2]
    assert ["no line" in system(body) for body in never] == [False, True, False]
    assert ["beyond the scale" in system(body) for body in never] == [False, False, True]


def test_equal_texts_are_asked_about_once(documents: Write, tmp_path: Path) -> None:
    same = [{"text": "Same.", "url": f"https://h.test/{n}"} for n in range(20)]
    path, out = documents("pages", *same), tmp_path / "out"
    with ChatServer(lambda text, body, before: Reply("Score: 5")) as server:
        annotation(server, path, out).run()
    assert len(server.requests) == 1
    assert [row["score"] for row in lines(out)] == [5] * 20


def test_killed_it_goes_on_and_pays_for_nothing_twice(documents: Write, tmp_path: Path) -> None:
    path, out, most = documents("pages", *pages(30)), tmp_path / "out", 4
    stuck, free = threading.Event(), threading.Event()

    def answer(text: str, body: dict[str, object], before: int) -> Reply:
        if len(server.requests) <= 13 or free.is_set():
            return Reply("Score: 3")
        if server.busy == most:
            stuck.set()
        return Reply(delay_s=600)

    with ChatServer(answer) as server:
        arguments = ("classifier", "annotate", path, "--out", out, "--quiet", "--set", "model=tests/model")
        arguments += ("--set", f"base_url={server.url}", "--set", f"max_concurrency={most}")
        process = subprocess.Popen(command(*arguments), env=os.environ | {"OMP_NUM_THREADS": "1"})
        try:
            assert stuck.wait(60)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        finally:
            process.kill()
            process.wait()
        assert not (out / "annotations.jsonl").exists()
        assert len(server.requests) == 13 + most
        free.set()
        result = run(*arguments)
        assert result.returncode == 0, result.stderr
        whole = tmp_path / "whole"
        annotation(server, path, whole).run()
    asked = Counter(json.dumps(body, sort_keys=True) for body in server.requests[:-30])
    assert len(asked) == 30
    assert asked.total() == 30 + most, "only what was under way was lost"
    assert "answers: 17 asked, 13 known before" in result.stdout
    assert (out / "annotations.jsonl").read_bytes() == (whole / "annotations.jsonl").read_bytes()


def test_a_server_of_its_own_is_started_and_ended(documents: Write, tmp_path: Path) -> None:
    text = "Theorem. Let $x=1$ and $y=2$. Proof: solve the equation."
    path, out = documents("pages", {"text": text}, {"text": "A kettle."}), tmp_path / "out"
    server = {"command": f"{sys.executable} -m support.rubric_server {{port}}"}
    settings = AnnotateSettings.model_validate_json(json.dumps({"model": "tests/model", "server": server}))
    before = psutil.Process().children()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", os.pathsep.join(("tests", ".")))
        Annotation(page_files([str(path)]), settings, out, Reporter(quiet=True)).run()
    assert [(row["text"], row["score"]) for row in lines(out)] == [(text, rule(text)), ("A kettle.", 0)]
    assert psutil.Process().children() == before, "the server is gone"
    assert "serving" in next((out / "logs").glob("server-*.log")).read_text()


def test_a_server_that_refuses_everybody_ends_it_and_keeps_what_it_said(documents: Write, tmp_path: Path) -> None:
    path, out = documents("pages", *pages(6)), tmp_path / "out"

    def answer(text: str, body: dict[str, object], before: int) -> Reply:
        return Reply("Score: 3") if len(server.requests) < 3 else Reply(status=404, body=b"no such model")

    with ChatServer(answer) as server:
        with pytest.raises(ServerGone, match="404: no such model"):
            annotation(server, path, out, max_concurrency=1).run()
        server.answer = lambda text, body, before: Reply("Score: 3")
        summary = annotation(server, path, out, max_concurrency=1).run()
    assert summary["answers"] == {"known": 2, "asked": 4}


def test_a_plan_touches_nothing_and_knows_what_is_paid(
    documents: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = documents("pages", *pages(8)), tmp_path / "out"
    with ChatServer(lambda text, body, before: Reply("Score: 3")) as server:
        annotation(server, path, out, documents=4).run()
        before = sorted(file.name for file in out.rglob("*"))
        print(annotation(server, path, out, documents=6).plan())
        told = capsys.readouterr().out
        assert "4 are answered already; 2 to ask at least once" in told
        assert "2020                  4         3" in told
        assert sorted(file.name for file in out.rglob("*")) == before
        print(annotation(server, path, tmp_path / "new").plan())
        assert not (tmp_path / "new").exists()
        assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ([], "a model is needed; add --set model=NAME"),
        (["model=m"], "annotation needs base_url or server, and not both"),
        (["model=m", "base_url=h:1"], "base_url 'h:1' is no http address"),
        (["model=m", "base_url=http://h:1/v1", "documnts=1"], "documnts: 1: unknown key; did you mean documents?"),
        (["model=m", "base_url=http://h:1/v1", "rubric=taste"], "taste: no such prompt; give the path of a .md file"),
        (["model=m", "base_url=http://h:1/v1", "api_key_env=TESTS_NONE"], "--set.api_key_env: TESTS_NONE is not set"),
    ],
)
def test_what_cannot_work_is_one_line(documents: Write, tmp_path: Path, sets: list[str], message: str) -> None:
    path = documents("pages", {"text": "A page."})
    arguments = ["classifier", "annotate", str(path), "--out", str(tmp_path / "out")]
    with pytest.raises(BadInput) as told:
        mathmill.app([*arguments, *(word for given in sets for word in ("--set", given))], standalone_mode=False)
    assert message in str(told.value)
    assert len(str(told.value).splitlines()) == 1
    assert not (tmp_path / "out").exists()
