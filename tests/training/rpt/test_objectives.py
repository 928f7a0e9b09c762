"""Objectives: exact questions, and exact ratings given what a model says of texts."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import validate
from pipeline.errors import BadInput
from pipeline.frozen import Frozen
from pipeline.shard.tokenizer import find_tokenizer
from support.chat_server import ChatServer, Reply
from training.rl.next_token import MOST_WRONG
from training.rl.scorer import Scorers
from training.rpt.document import Document
from training.rpt.encoding import Encoder
from training.rpt.objectives.objective import Objective, Question
from training.rpt.objectives.settings import ObjectiveSettings, make_objective

TEXT = "Let x be a café. Then x²=𝔽 and more."


class Run(Frozen):
    objective: ObjectiveSettings


TOKENIZER = find_tokenizer("mathmill-bpe-8k", Path(), "tokenizer")[0]
ENCODER = Encoder(TOKENIZER)
END = TOKENIZER.token_to_id("<|endoftext|>")


def ids(text: str) -> tuple[int, ...]:
    return tuple(TOKENIZER.encode(text).ids)


def document(text: str = TEXT, ordinal: int = 7) -> Document:
    return Document(ordinal, (*ids(text), END), ENCODER.token_bytes)


def objective(folder: Path, template: str | None = None, **settings: Any) -> Objective:
    """With a short template of its own unless one is named."""
    if template is None:
        template = str(folder / "mine.yaml")
        Path(template).write_text('head: "Text: "\ntail: "|"\nresume: "="\nmask: "[?]"\nstop: ["!"]\n')
    data = {"objective": {"template": template, **settings}}
    return make_objective(validate(Run, "run.yaml", data, ()).objective, ENCODER, folder)


def at(found: Document, text: str) -> int:
    """The position whose context is `text`."""
    return len(ids(text)) if found.ids[: len(ids(text))] == ids(text) else pytest.fail(f"{text!r} ends inside a token")


class Said:
    """A scorer that says what a function says, and keeps what it was asked."""

    def __init__(self, say: Callable[[str, str], float] = lambda before, after: 0.0) -> None:
        self.asked: list[tuple[str, str]] = []
        self.calls = 0
        self._say = say

    def logprobs(self, pairs: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[list[float]]:
        self.calls += 1
        texts = [(text(first), text(second)) for first, second in pairs]
        self.asked += texts
        return [[self._say(*item)] for item in texts]


def text(found: tuple[int, ...]) -> str:
    return ENCODER.token_bytes.response(found).decode()


def rate(made: Objective, question: Question, responses: list[str], policy: Said, average: Said | None = None) -> Any:
    drawn = [(*ids(response), END) for response in responses]
    return made.rate([question], [drawn], Scorers(policy, average))[0]


def asked(made: Objective, found: Document, before: str, start: int = 0) -> Question:
    question = made.question(found, at(found, before), start)
    assert isinstance(question, Question), question
    return question


def test_a_next_token_question(tmp_path: Path) -> None:
    question = asked(objective(tmp_path, kind="next_token"), document(), "Let x be")
    assert (question.document, question.start, text(question.prompt)) == (7, 0, "Text: Let x be|")
    assert (text(question.target), question.wanted) == (" a", TEXT[len("Let x be") :])
    assert question.prompt[: question.prefix_length] == ids("Text: ") + ids("Let x be")
    assert question.continuation[:2] == (b" a", b" c")
    assert question.continuation[-1] is None
    later = asked(objective(tmp_path, kind="next_token"), document(), "Let x be a", start=1)
    assert text(later.prompt) == "Text: x be a|".replace(": x", ":  x")


def test_an_opening_stands_before_the_instruction(tmp_path: Path) -> None:
    found = Document(0, (END, *ids(TEXT)), ENCODER.token_bytes)
    made = objective(tmp_path, kind="next_token")
    for start in (0, 2):
        question = made.question(found, 4, start)
        assert isinstance(question, Question)
        assert question.prompt[0] == question.plain[0] == END
        assert question.prompt[1 : 1 + len(ids("Text: "))] == ids("Text: ")
        assert question.context == found.ids[max(1, start) : 4]
        assert question.prefix_length == len(question.prompt) - 1


def test_where_nothing_can_be_asked(tmp_path: Path) -> None:
    found = document()
    made = objective(tmp_path, kind="next_token")
    split = next(place for place, token in enumerate(found.pieces) if token and 0x80 <= token[0] < 0xC0)
    assert made.question(found, len(found.ids)) == "end"
    assert made.question(found, len(found.ids) - 1) == "special"
    assert made.question(found, split) == "unreachable"
    assert made.question(found, 0) == made.question(found, 3, start=3) == "no_context"


@pytest.mark.parametrize(
    ("prediction", "prefix", "first_token", "dense"),
    [
        (" a", 1.0, 1.0, 1.0),
        (" a c", 1.0, 1.0, 1.0),
        ("a", 0.0, 0.0, 0.25),
        (" a x", 0.0, 1.0, 0.25),
        (" ab", 0.0, 0.0, 0.25),
        ("", 0.0, 0.0, 0.0),
    ],
)
def test_next_token_rewards(tmp_path: Path, prediction: str, prefix: float, first_token: float, dense: float) -> None:
    for reward, expected in (("prefix", prefix), ("first_token", first_token), ("dense", dense)):
        made = objective(tmp_path, kind="next_token", reward=reward)
        policy = Said(lambda before, after: math.log(0.25))
        question = asked(made, document(), "Let x be")
        found = rate(made, question, [f"so \\boxed{{{prediction}}}", "nothing"], policy)
        assert [rating.reward for rating in found] == [pytest.approx(expected), 0.0]
        assert [rating.status for rating in found] == ["ok", "no_answer"]
        assert [rating.prediction for rating in found] == [prediction.encode(), None]
        assert [rating.correct for rating in found] == [
            (first_token if reward == "first_token" else prefix) == 1,
            False,
        ]
        first = text(ids(prediction)[:1])
        assert policy.asked == ([("Let x be", first)] if reward == "dense" and first else [])


def test_conditional_dense_is_of_the_group(tmp_path: Path) -> None:
    made = objective(tmp_path, kind="next_token", reward="conditional_dense")
    question = asked(made, document(), "Let x be")
    sure = Said(lambda before, after: 0.0)
    assert [r.reward for r in rate(made, question, [r"\boxed{ b}", r"\boxed{ c}"], sure)] == [0.0, 0.0]
    assert [r.reward for r in rate(made, question, [r"\boxed{ b}", r"\boxed{ a}"], sure)] == [MOST_WRONG, 1.0]
    assert made.rate([], [], Scorers(sure, None)) == []
    assert sure.calls == 3  # without questions too: a sharded model computes on all processes together


def test_a_multi_byte_token_is_predicted_whole(tmp_path: Path) -> None:
    made = objective(tmp_path, kind="next_token")
    question = asked(made, document(), "Let x be a café. Then x²=")
    assert len(question.continuation[0] or b"") < len("𝔽".encode())  # the character is cut up
    found = rate(made, question, [r"\boxed{𝔽}", r"\boxed{ 𝔽}", r"\boxed{𝔽 a}"], Said())
    assert [rating.reward for rating in found] == [1.0, 0.0, 0.0]
    example = made.example(question, "A sign.")
    assert example == "A sign.\n\\boxed{𝔽}"


def test_information_gain_is_a_difference_of_log_probs(tmp_path: Path) -> None:
    """log 0.5 with the right thought, log 0.125 with another; the average says log 0.25 without any."""
    made = objective(tmp_path, kind="information_gain", decay=0.99)
    assert made.average_decay == 0.99
    question = asked(made, document(), "Let x be")
    policy = Said(lambda before, after: math.log(0.5 if "article" in before else 0.125))
    average = Said(lambda before, after: math.log(0.25))
    found = rate(made, question, ["an article=", "no idea", "an article= and more"], policy, average)
    assert [r.reward for r in found] == pytest.approx([math.log(2), -math.log(2), math.log(2)])
    assert [r.correct for r in found] == [True, False, True]
    assert found[0].parts == pytest.approx({"with_thought": math.log(0.5), "without_thought": math.log(0.25)})
    assert policy.asked == [
        ("Text: Let x be|an article=", " a"),
        ("Text: Let x be|no idea=", " a"),
        ("Text: Let x be|an article=", " a"),
    ]
    assert average.asked == [("Let x be", " a")]
    assert made.rate([], [], Scorers(policy, average)) == []
    assert (policy.calls, average.calls) == (2, 2)
    assert made.example(question, "hm") == "hm="


STORY = "One is odd. Two is even. Three is odd. Four is even. Five"


def test_a_segment_question_moves_to_the_next_sentence(tmp_path: Path) -> None:
    made = objective(tmp_path, kind="next_segment", horizon=2)
    found = document(STORY)
    for before in ("One", "One is odd"):
        question = made.question(found, at(found, before))
        assert isinstance(question, Question)
        assert question.offset == at(found, "One is odd.")
        assert text(question.prompt) == "Text: One is odd.|"
        assert question.continuation == (b" Two is even.", b" Three is odd.")
        assert text(question.target) == " Two is even."
    assert made.question(found, at(found, "One is odd. Two is even. Three is odd. Four is even. Five")) == "no_sentence"
    assert made.question(found, len(found.ids)) == "no_sentence"


@pytest.mark.parametrize(
    ("prediction", "reward"),
    [
        ("Two is even.", 1.0),
        (" Two is even. ", 1.0),
        ("Two is even. Three is odd.", 1.0),
        ("Two is even. Three is odd. Four is even.", 0.0),  # beyond the horizon
        ("Two is", 0.0),
        ("Two is  even.", 0.0),
        ("two is even.", 0.0),
        ("", 0.0),
        (" ", 0.0),
    ],
)
def test_segments_are_right_to_the_byte(tmp_path: Path, prediction: str, reward: float) -> None:
    made = objective(tmp_path, kind="next_segment", horizon=2)
    question = asked(made, document(STORY), "One is odd.")
    found = rate(made, question, [f"\\boxed{{{prediction}}}", "none"], Said())
    assert [(r.reward, r.correct, r.status) for r in found] == [(reward, reward == 1, "ok"), (0.0, False, "no_answer")]
    assert made.example(question, "It alternates.") == "It alternates.\n\\boxed{ Two is even.}"


def test_a_judge_is_asked_about_what_is_not_right_to_the_byte(tmp_path: Path) -> None:
    def answer(asked: str, body: dict[str, object], before: int) -> Reply:
        assert (body["model"], body["temperature"], body["max_tokens"]) == ("judge", 0, 16)
        following, _, prediction = asked.partition(" | ")
        assert following == "Two is even. Three is odd."
        verdicts = {"2 is even.": "Yes.", "Two {following}": "**No**, it is not.", "Hm": "Perhaps"}
        return Reply(verdicts[prediction]) if prediction in verdicts else Reply(status=400)

    fence = "TEXT-0123456789abcdef"
    with ChatServer(answer, key="secret") as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUDGE_KEY", "secret")
        judge = {
            "base_url": server.url,
            "model": "judge",
            "api_key_env": "JUDGE_KEY",
            "prompt": f"{fence}\n{{following}} | {{prediction}}\n{fence}",
        }
        made = objective(tmp_path, kind="next_segment", horizon=2, judge=judge)
        question = asked(made, document(STORY), "One is odd.")
        predictions = ["2 is even.", "Two {following}", "Hm", "Two is even.", "2 is even.", " ", "Bad"]
        found = rate(made, question, [f"\\boxed{{{prediction}}}" for prediction in predictions], Said())
    assert [r.reward for r in found] == [1.0, 0.0, None, 1.0, 1.0, 0.0, None]
    assert [r.status for r in found] == ["ok", "ok", "judge_unclear", "ok", "ok", "ok", "judge_error"]
    assert [r.parts.get("to_the_byte") for r in found] == [0.0, 0.0, None, 1.0, 0.0, 0.0, None]
    assert len(server.requests) == 4  # equal questions once
    assert made.digest != objective(tmp_path, kind="next_segment", horizon=2).digest


def test_a_judge_is_refused_in_one_line(tmp_path: Path) -> None:
    judge = {"base_url": "http://x/v1", "model": "m"}
    with pytest.raises(BadInput, match=r"judge.api_key_env: 'NO_SUCH_KEY': is not set; export it"):
        objective(tmp_path, kind="next_segment", judge={**judge, "api_key_env": "NO_SUCH_KEY"})
    with pytest.raises(BadInput, match=r"judge.base_url: \"x\": is no http address"):
        objective(tmp_path, kind="next_segment", judge={**judge, "base_url": "x"})
    with pytest.raises(BadInput, match=r"judge.prompt: .*has to hold \{prediction\} once"):
        objective(tmp_path, kind="next_segment", judge={**judge, "prompt": "{following}?"})


def test_a_masked_sentence(tmp_path: Path) -> None:
    made = objective(tmp_path, kind="masked", right_tokens=4)
    question = asked(made, document(STORY), "One is odd.")
    right = text(ids(" Three is odd. Four")[:4])
    assert text(question.prompt) == f"Text: One is odd.[?]{right}|"
    assert question.prompt[: question.prefix_length] == ids("Text: ") + ids("One is odd.")
    assert len(question.prompt) - len(question.context) <= made.overhead
    assert question.continuation == (b" Two is even.",)
    responses = [r"\boxed{Two is even.}", r"\boxed{ Two is even. Three is odd.}", r"\boxed{}", "none"]
    found = rate(made, question, responses, Said())
    assert [(r.reward, r.status) for r in found] == [(1.0, "ok"), (0.0, "ok"), (0.0, "ok"), (0.0, "no_answer")]
    assert made.example(question, "It alternates.") == "It alternates.\n\\boxed{ Two is even.}"
    found = document("One is odd. Two")
    assert made.question(found, at(found, "One is odd.")) == "no_right_context"
    assert made.question(found, at(found, "One is odd. Two")) == "no_sentence"


def test_masked_spans(tmp_path: Path) -> None:
    made = objective(tmp_path, kind="masked", unit="span", span_tokens=[2, 3])
    lengths = set()
    for ordinal in range(8):
        found = document(STORY, ordinal)
        question = made.question(found, 3)
        assert question == made.question(found, 3)
        assert isinstance(question, Question)
        assert question.target == found.ids[3 : 3 + len(question.target)]
        assert question.tail == ids("[?]") + found.ids[3 + len(question.target) : -1] + ids("|")
        lengths.add(len(question.target))
    assert lengths == {2, 3}
    # The first token of a character cut up takes the others with it.
    one = objective(tmp_path, kind="masked", unit="span", span_tokens=[1, 1])
    assert asked(one, document(), "Let x be a café. Then x²=").continuation == ("𝔽".encode(),)


def test_a_mixture_asks_by_weight_and_rates_each_by_its_own(tmp_path: Path) -> None:
    template = str(tmp_path / "mine.yaml")
    objective(tmp_path, kind="next_token")  # writes it
    parts = [
        {"weight": 3, "objective": {"kind": "next_token", "template": template}},
        {"weight": 1, "objective": {"kind": "information_gain", "template": template, "decay": 0.9}},
    ]
    settings = validate(Run, "run.yaml", {"objective": {"kind": "mixture", "parts": parts}}, ())
    made = make_objective(settings.objective, ENCODER, tmp_path)
    assert (made.average_decay, made.stop) == (0.9, ("!",))
    questions = [made.question(document(STORY, ordinal), 3) for ordinal in range(400)]
    first = [question for question in questions if isinstance(question, Question) and question.part == 0]
    assert len(first) == pytest.approx(300, abs=35)
    assert questions == [made.question(document(STORY, ordinal), 3) for ordinal in range(400)]

    second = next(question for question in questions if isinstance(question, Question) and question.part == 1)
    policy, average = Said(lambda before, after: -1.0), Said(lambda before, after: -3.0)
    right = (ids(made.example(first[0], "") or ""),)
    found = made.rate([second, first[0]], [(ids("hm"),), right], Scorers(policy, average))
    assert [[r.reward for r in group] for group in found] == [[2.0], [1.0]]
    assert made.example(second, "hm") == "hm="
    assert made.rate([], [], Scorers(policy, average)) == []
    assert (policy.calls, average.calls) == (2, 2)


def test_the_digest_is_of_settings_and_template(tmp_path: Path) -> None:
    made = [
        objective(tmp_path, kind="next_token"),
        objective(tmp_path, kind="next_token", reward="dense"),
        objective(tmp_path, "rpt-v0", kind="next_token"),
        objective(tmp_path, "rpt-v6", kind="next_token"),
        objective(tmp_path, kind="information_gain"),
        objective(tmp_path, kind="information_gain", decay=0.5),
        objective(tmp_path, kind="next_segment"),
        objective(tmp_path, kind="next_segment", horizon=1),
        objective(tmp_path, kind="masked"),
        objective(tmp_path, kind="masked", unit="span"),
    ]
    assert len({item.digest for item in made}) == len(made)
    assert objective(tmp_path, kind="next_token").digest == made[0].digest


def test_settings_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"rewrd: \"dense\": unknown key; did you mean reward\?"):
        objective(tmp_path, kind="next_token", rewrd="dense")
    with pytest.raises(BadInput, match=r"decoy: 0.9: unknown key; did you mean decay\?"):
        objective(tmp_path, kind="information_gain", decoy=0.9)
    with pytest.raises(BadInput, match=r"objective.masked: .*span_tokens \[3, 2\]: give the shortest first"):
        objective(tmp_path, kind="masked", span_tokens=[3, 2])
    parts = [{"weight": 1, "objective": {"kind": "information_gain", "decay": decay}} for decay in (0.9, 0.99)]
    with pytest.raises(BadInput, match=r"decays \[0.9, 0.99\] of one moving average; give all parts the same"):
        validate(Run, "run.yaml", {"objective": {"kind": "mixture", "parts": parts}}, ())
    with pytest.raises(BadInput, match=r"objective: .*'next_token', 'information_gain'"):
        objective(tmp_path, kind="next_word")
