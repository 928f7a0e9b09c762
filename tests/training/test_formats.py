"""Rows to texts, and what of them is trained."""

import pytest

from pipeline.errors import BadInput
from training.tokenize.formats import Skip, layout


def text(format_, row, *fields):
    made = layout(format_, fields).text(row)
    return made.text, [made.text[begin:end] for begin, end in made.trained]


def test_text():
    assert text("text", {"text": "Let $x$."}) == ("Let $x$.", ["Let $x$."])
    assert text("text", {"content": "a"}, "text=content") == ("a", ["a"])


def test_qa():
    assert text("qa", {"question": "1+1?", "answer": "2"}) == ("1+1?\n2", ["2"])
    row = {"turns": [{"q": "a"}, {"q": "b"}], "solution": "c"}
    assert text("qa", row, "question=turns.1.q", "answer=solution") == ("b\nc", ["c"])


def test_cot_keeps_the_thinking_block_alone():
    row = {"question": "1+1?", "answer": "<think>\nTwo ones.\n</think>\nThe answer is 2."}
    assert text("cot", row) == ("1+1?\nTwo ones.", ["Two ones."])


def test_chat():
    turns = [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"), ("assistant", "Ciao")]
    expected = "System: Be brief.\nUser: Hi\nAssistant: Hello\nUser: Bye\nAssistant: Ciao"
    messages = [{"role": role, "content": content} for role, content in turns]
    assert text("chat", {"messages": messages}) == (expected, [" Hello", " Ciao"])
    other = [{"from": {"user": "human", "assistant": "gpt"}.get(role, role), "value": value} for role, value in turns]
    assert text("chat", {"conversations": other}, "messages=conversations") == (expected, [" Hello", " Ciao"])


@pytest.mark.parametrize(
    ("format_", "row", "reason"),
    [
        ("text", {"text": None}, "no_text"),
        ("text", {"text": " \n"}, "no_text"),
        ("qa", {"question": "q", "answer": None}, "no_answer"),
        ("cot", {"question": "q", "answer": "2"}, "no_thinking"),
        ("cot", {"question": "q", "answer": "<think>cut off"}, "no_thinking"),
        ("chat", {"messages": []}, "no_messages"),
        ("chat", {"messages": [{"role": "user", "content": "Hi"}]}, "no_assistant"),
        ("chat", {"messages": [{"role": "user", "content": ""}]}, "no_content"),
    ],
)
def test_rows_without_a_document_have_a_reason(format_, row, reason):
    with pytest.raises(Skip, match=f"^{reason}$"):
        layout(format_, ()).text(row)


@pytest.mark.parametrize(
    ("format_", "row", "problem"),
    [
        ("text", {"text": 3}, "text is int, not a string"),
        ("chat", {"messages": "Hi"}, "messages is str, not a list"),
        ("chat", {"messages": [{"role": "tool", "content": "x"}]}, "the role 'tool'; known are user, human"),
    ],
)
def test_values_of_another_kind_are_errors(format_, row, problem):
    with pytest.raises(TypeError, match=problem):
        layout(format_, ()).text(row)


def test_unknown_formats_and_fields_are_refused():
    with pytest.raises(BadInput, match="--format prose: not a format; choose one of text, qa, chat, cot"):
        layout("prose", ())
    for field in ("prompt=a", "question", "question="):
        with pytest.raises(BadInput, match=r"qa has the fields question, answer; write for example question=COLUMN"):
            layout("qa", (field,))
