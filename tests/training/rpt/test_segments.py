"""Sentences: where they end, and which of them a tokenizer can tell apart."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.shard.tokenizer import find_tokenizer
from training.rpt.document import Document
from training.rpt.encoding import Encoder
from training.rpt.objectives.sentences import sentences_from
from training.rpt.segments import segment_ends


def cut(text: str) -> list[str]:
    found = text.encode()
    return [found[left:right].decode() for left, right in pairwise([0, *segment_ends(found)])]


@pytest.mark.parametrize(
    "sentences",
    [
        ["Let $x$ be a number.", " Then $x + 1$ is larger!", " Is it?", " Yes."],
        ['He said "no."', " She (being right.) left; *twice.*", " So $x = 1.$", " Then."],
        ["By Lemma 2.3, e.g. for Fig. 3 of J. Smith et al. 2003, i.e. here."],
        ["A list:", "\n\n1. First.", " 2. Second."],
        ["We get\n$$x = 1.$$", " Here x is new.", " It is \\[y.\\] too."],
        ["So for all\n\n$$x > 1$$\n\nwe have y.", "\n\nAnd\n\n$$y > x$$", "\n\nThen z.", "\n\nnow"],
        ["It is ... and goes on.", " Wait…", " What?!", " No"],
        ["漢字。", "そう。", " Ja.  \n"],
        ["no stop", "\n\nnor here", "\n \n  but apart"],
        ["Let it be. in the middle.", " Then."],
        ["Let n be x.", " Then y."],
        ["Here $n! = 6$ holds.", " So."],
        [" \n"],
    ],
)
def test_sentences(sentences: list[str]) -> None:
    assert cut("".join(sentences)) == sentences


def test_no_text_has_no_sentence() -> None:
    assert segment_ends(b"") == []


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(text=st.lists(st.sampled_from([".", " ", "\n", "A", "b", "!", '"', "。", "é", "1", "$", "e.g."])).map("".join))
def test_sentences_add_up_to_the_text(text: str) -> None:
    found = segment_ends(text.encode())
    assert found == sorted(set(found))
    assert (found[-1:] or [0]) == [len(text.encode())]
    assert "".join(cut(text)) == text  # none ends inside a character


def test_sentences_by_tokens() -> None:
    tokenizer = find_tokenizer("mathmill-bpe-8k", Path(), "tokenizer")[0]
    token_bytes = Encoder(tokenizer).token_bytes
    end = tokenizer.token_to_id("<|endoftext|>")
    first = tokenizer.encode("One is here. Two is there.\n\nThree").ids
    found = Document(0, [end, *first, end, *tokenizer.encode("Another.").ids], token_bytes)

    def told(offset: int) -> list[tuple[int, str]]:
        return [
            (sentence.index, b"".join(token or b"" for token in found.pieces[sentence.first : sentence.last]).decode())
            for sentence in sentences_from(found, offset)
        ]

    whole = [(0, "One is here."), (1, " Two is there."), (2, "\n\nThree")]
    assert told(1) == whole
    assert told(2) == told(4) == whole[1:]
    two = 1 + len(tokenizer.encode("One is here.").ids)
    assert told(two) == whole[1:]
    assert told(two + 1) == whole[2:]
    assert told(0) == told(1 + len(first)) == []  # special tokens


def test_a_sentence_that_begins_inside_a_token_is_passed_over() -> None:
    class Spelled:
        def of(self, ids: list[int]) -> list[bytes]:
            return [[b"One.", b" T", b"wo. Thr", b"ee. ", b"Four."][place] for place in ids]

    found = Document(0, range(5), Spelled())  # type: ignore[arg-type]
    assert [(s.index, s.first, s.last) for s in sentences_from(found, 0)] == [(0, 0, 1), (3, 4, 5)]
    assert [(s.index, s.first, s.last) for s in sentences_from(found, 1)] == [(3, 4, 5)]
