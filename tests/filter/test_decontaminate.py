"""Questions of benchmarks in documents: which runs of tokens are looked for, and what finds them."""

import json
from pathlib import Path

import pytest

from pipeline.benchmarks import Problem
from pipeline.errors import BadInput
from pipeline.filter.decontaminate import Questions, load_questions, question_runs
from pipeline.recipe import load_recipe

PARTY = "Anna invites $n+3$ guests to a party, and every guest brings two friends. How many people are there in all?"


def questions(*texts: str, ngram: int = 13) -> Questions:
    return Questions([("party", Problem(str(place), text, "1")) for place, text in enumerate(texts)], ngram)


def test_every_run_of_a_question_is_looked_for_that_is_mostly_words() -> None:
    assert question_runs("a b one two three four five six seven", 8) == [
        "a b one two three four five six".split(),
        "b one two three four five six seven".split(),
    ]
    formula = "$a+b+c+d+e+f+g+h+i$"
    assert question_runs(formula + " what is the value of it all", 8)[0][-5:] == "what is the value of".split()


def test_a_question_without_such_a_run_is_looked_for_whole_unless_it_is_short() -> None:
    assert question_runs("one two three four five six seven eight", 13) == [
        "one two three four five six seven eight".split()
    ]
    assert question_runs("one two three four five six seven", 13) == []
    assert len(question_runs("Find $" + "+".join("abcdefghijk") + "$", 13)) == 1
    assert questions("What is 2 + 2?", PARTY).num_skipped == 1


@pytest.mark.parametrize(
    "text",
    [
        PARTY,
        "From a book. " + PARTY.upper().replace("$N+3$", r"\( n + 3 \)") + " The end.",
        "and every guest brings two friends. how many people are there in all",
    ],
)
def test_a_question_is_found_in_another_dress_and_in_part(text: str) -> None:
    assert questions("One two three four five six seven eight nine?", PARTY).find(text) == "party 1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "every guest brings two friends",
        PARTY.replace("n+3", "n+5").replace("two", "three").replace("people", "guests"),
        "How many people are there in all?",
    ],
)
def test_what_shares_less_than_a_run_is_not(text: str) -> None:
    assert questions(PARTY).find(text) is None


def test_the_first_question_in_the_text_is_named_and_of_equal_ones_the_first() -> None:
    other = "A train leaves the town at noon and goes on at the same speed for three hours."
    found = questions(PARTY, other, PARTY)
    assert found.find(f"{other} {PARTY}") == "party 1"
    assert found.find(PARTY) == "party 0"
    assert questions().find(PARTY) is None
    assert found.digest != questions(PARTY, other).digest


def test_a_recipes_questions_are_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "sets").mkdir()
    path = tmp_path / "sets/svamp.jsonl"
    path.write_text(json.dumps({"question": PARTY, "answer": "9", "id": "a"}) + "\n", encoding="utf-8")
    recipe = tmp_path / "r.yaml"
    recipe.write_text("name: x\ninputs: [a]\nfilter: {decontaminate: {tasks: [svamp], data: sets}}\n", encoding="utf-8")
    loaded = load_recipe(recipe)
    settings = loaded.recipe.filter.decontaminate
    assert settings is not None
    assert load_questions(loaded, settings).find(PARTY) == "svamp a"
    path.write_text(json.dumps({"question": "Something else, in quite a few other words", "answer": "9"}) + "\n")
    assert load_questions(loaded, settings).find(PARTY) is None
    for field, value, message in (
        ("data", "none", "no such folder"),
        ("tasks", ("gsm8k",), "no gsm8k.jsonl or gsm8k_test.jsonl"),
        ("tasks", ("nothing",), "no such task file"),
    ):
        with pytest.raises(BadInput, match=message):
            load_questions(loaded, settings.model_copy(update={field: value}))
