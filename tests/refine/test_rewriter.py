import random
from types import SimpleNamespace

import pytest

from pipeline.serving.client import ServerGone
from support.chat_server import ChatServer, Reply
from support.rewriting import run, words

PAGE = """# Squares of sums

We compute the square of a sum. For all real numbers $a$ and $b$ we have $(a+b)^2 = a^2 + 2ab + b^2$.

As an example take the numbers 7 and 5, whose sum is 12, and whose square is therefore 144.
"""


def faithful(text):
    return text.replace("We compute", "Let us compute").replace("As an example take", "For example, take").strip()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("pipeline.serving.client._FIRST_WAIT_S", 0.01)


def page(number):
    return PAGE.replace("Squares", f"Lesson {number}, squares")


def test_outcomes_come_in_order_whatever_the_server_takes(tmp_path):
    rng = random.Random(3)
    with ChatServer(lambda text, *_: Reply(faithful(text), delay_s=rng.uniform(0, 0.05))) as server:
        outcomes, counts = run(server, tmp_path, [page(number) for number in range(200)], max_concurrency=32)
    assert [outcome.texts for outcome in outcomes] == [(faithful(page(number)),) for number in range(200)]
    assert {outcome.action for outcome in outcomes} == {"accept"}
    assert (counts.answers, counts.prompt_tokens) == (200, 20_000)


def test_nothing_is_asked_twice_however_few_may_run(tmp_path):
    with ChatServer(lambda text, *_: Reply(faithful(text), delay_s=0.005)) as server:
        _, counts = run(server, tmp_path, [page(number) for number in range(60)], max_concurrency=2)
        assert len(server.requests) == counts.answers == 60


def test_answers_in_the_cache_are_not_asked_again(tmp_path):
    with ChatServer(lambda text, *_: Reply(faithful(text))) as server:
        first, _ = run(server, tmp_path, [page(number) for number in range(30)])
        asked = len(server.requests)
        again, counts = run(server, tmp_path, [page(number) for number in range(40)])
    assert asked == 30
    assert len(server.requests) == 40
    assert counts.answers == 10
    assert again[:30] == first


def test_without_new_questions_no_server_is_needed(tmp_path):
    with ChatServer(lambda text, *_: Reply(faithful(text))) as server:
        first, _ = run(server, tmp_path, [page(1)])
    gone = SimpleNamespace(url=server.url)
    assert run(gone, tmp_path, [page(1)], give_up_s=0.1)[0] == first
    with pytest.raises(ServerGone):
        run(gone, tmp_path, [page(2)], give_up_s=0.1)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "tests/other"},
        {"revision": "1"},
        {"prompt": "web-pro-max"},
        {"sampling": {"temperature": 0.6}},
        {"sampling": {"top_p": 0.9}},
        {"sampling": {"seed": 1}},
        {"sampling": {"extra": {"top_k": 20}}},
        {"output_tokens": 999},
    ],
)
def test_a_changed_setting_of_the_request_asks_anew(tmp_path, change):
    with ChatServer(lambda text, *_: Reply(faithful(text))) as server:
        run(server, tmp_path, [PAGE])
        run(server, tmp_path, [PAGE], max_concurrency=1, attempts=9)
        assert len(server.requests) == 1
        run(server, tmp_path, [PAGE], **change)
        assert len(server.requests) == 2


def test_a_refused_rewrite_is_tried_with_another_seed(tmp_path):
    def answer(text, body, before):
        return Reply(faithful(text)) if body["seed"] == 1 else Reply("Short.")

    with ChatServer(answer) as server:
        (outcome,), _ = run(server, tmp_path, [PAGE])
    assert [request["seed"] for request in server.requests] == [0, 1]
    assert (outcome.action, outcome.attempts, outcome.texts) == ("accept", 2, (faithful(PAGE),))
    assert "length" in outcome.raised
    assert outcome.reasons == ()
    assert len(outcome.answers) == 2


@pytest.mark.parametrize("otherwise", ["keep_original", "drop"])
def test_after_the_last_try_the_recipe_decides(tmp_path, otherwise):
    with ChatServer(lambda *_: Reply("Short.")) as server:
        (outcome,), _ = run(server, tmp_path, [PAGE], otherwise=otherwise, attempts=2)
    assert len(server.requests) == 2
    assert (outcome.action, outcome.texts, outcome.refused) == (otherwise, (), "Short.")
    assert "length" in outcome.reasons


def test_a_cut_answer_is_asked_again_in_smaller_parts(tmp_path):
    def answer(text, body, before):
        whole = words(text) < 30
        return Reply(faithful(text)) if whole else Reply(text[:100], finish_reason="length")

    with ChatServer(answer) as server:
        (outcome,), _ = run(server, tmp_path, [PAGE])
    assert (outcome.action, outcome.attempts) == ("accept", 2)
    assert outcome.parts > 1
    assert outcome.texts == (faithful(PAGE),)
    assert "finish_reason" in outcome.raised


def test_a_refusal_of_the_length_is_mended_by_smaller_parts(tmp_path):
    def answer(text, body, before):
        if words(text) < 30:
            return Reply(faithful(text))
        return Reply(status=400, body=b'{"error": {"message": "maximum context length exceeded"}}')

    with ChatServer(answer) as server:
        (outcome,), _ = run(server, tmp_path, [PAGE])
    assert (outcome.action, outcome.raised) == ("accept", ("no_answer",))


def test_greedy_sampling_is_not_asked_the_same_twice(tmp_path):
    text = "One paragraph only, with $x = 1$ and more words than that."
    with ChatServer(lambda *_: Reply("Short.")) as server:
        (outcome,), _ = run(server, tmp_path, [text], sampling={"temperature": 0})
    assert len(server.requests) == 1
    assert outcome.action == "keep_original"


def test_a_long_document_goes_in_parts_with_their_headings(tmp_path):
    long = "\n".join(f"## Section {n}\n\n{PAGE.split('sums', 1)[1]}" for n in range(12))
    with ChatServer(lambda text, *_: Reply(faithful(text))) as server:
        (outcome,), _ = run(server, tmp_path, [f"# Book\n\n{long}"], context_tokens=1024)
    asked = [request["messages"][-1]["content"] for request in server.requests]
    assert outcome.parts == len(asked) > 1
    assert outcome.action == "accept"
    assert outcome.texts[0].count("Let us compute") == 12
    assert [outcome.texts[0].index(f"Section {n}") for n in range(12)] == sorted(
        outcome.texts[0].index(f"Section {n}") for n in range(12)
    )
    assert sum("Book" in text.split("TEXT-")[0] for text in asked) == len(asked) - 1
    assert all(request["max_tokens"] < 1024 for request in server.requests)


def test_only_the_refused_part_is_asked_again(tmp_path):
    sections = [f"## Section {n}\n\n{PAGE.split('sums', 1)[1]}" for n in range(6)]

    def answer(text, body, before):
        bad = "Section 3" in text and body["seed"] == 0
        return Reply("Short." if bad else faithful(text))

    with ChatServer(answer) as server:
        (outcome,), _ = run(server, tmp_path, ["\n".join(sections)], context_tokens=700)
        assert outcome.action == "accept"
        assert len(server.requests) == outcome.parts + 1


def test_the_context_of_the_server_is_kept_with_the_answers(tmp_path):
    with ChatServer(lambda text, *_: Reply(faithful(text)), max_model_len=1024) as server:
        run(server, tmp_path, [PAGE * 30], context_tokens=None)
        server.max_model_len = 4096
        asked = len(server.requests)
        run(server, tmp_path, [PAGE * 30], context_tokens=None)
    assert asked > 1
    assert len(server.requests) == asked


def test_a_block_that_cannot_be_cut_is_not_sent(tmp_path):
    table = "| n | n² |\n|---|---|\n" + "".join(f"| {n} | {n * n} |\n" for n in range(2000))
    with ChatServer(lambda text, *_: Reply(faithful(text))) as server:
        outcomes, _ = run(server, tmp_path, [table, f"{PAGE}\n{table}"], context_tokens=1024)
    assert [(outcome.action, outcome.reasons) for outcome in outcomes] == [
        ("keep_original", ("too_large",)),
        ("accept", ()),
    ]
    assert [("2000" in request["messages"][-1]["content"]) for request in server.requests] == [False]
    assert table.strip() in outcomes[1].texts[0]


def test_pairs_are_checked_one_by_one(tmp_path):
    pairs = (
        "Question: What is $(a+b)^2$?\n\nAnswer: It is $(a+b)^2 = a^2 + 2ab + b^2$ for all real $a$ and $b$.\n\n"
        "Question: What is the square of the sum of 7 and 5?\n\nAnswer: The sum is 12 and its square is therefore 144."
    )
    with ChatServer(lambda *_: Reply(pairs)) as server:
        (outcome,), _ = run(server, tmp_path, [PAGE], prompt="question-answer")
    assert outcome.action == "accept"
    assert len(outcome.texts) == 2
    assert outcome.texts[1].startswith("Question: What is the square of the sum")


def test_a_page_without_pairs_keeps_its_text(tmp_path):
    with ChatServer(lambda *_: Reply("There is nothing to extract here.")) as server:
        (outcome,), _ = run(server, tmp_path, [PAGE], prompt="question-answer")
    assert (outcome.action, outcome.reasons) == ("keep_original", ("no_pairs",))


def test_a_disk_that_fails_ends_the_run(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipeline.serving.cache.os.fsync", full)
    with ChatServer(lambda text, *_: Reply(faithful(text))) as server, pytest.raises(OSError, match="No space left"):
        run(server, tmp_path, [page(number) for number in range(50)])
