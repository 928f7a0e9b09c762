"""Selections: exact sets in a seeded order, moved to where text can answer."""

from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.errors import BadInput
from support.positions import write_positions
from support.tokens import EOS, random_documents, write_tokens
from training.documents import DocumentTokens
from training.rl.token_bytes import TokenBytes
from training.rpt.characters import next_reachable
from training.rpt.positions import open_positions
from training.rpt.selection import Bands, Selection, select
from training.tokens import Tokenizer

LETTERS = TokenBytes({EOS: None} | {place: bytes([97 + place % 26]) for place in range(1, 1000)}, {EOS: b"<eos>"})
BYTES = TokenBytes({256: None} | {byte: bytes([byte]) for byte in range(256)}, {256: b"<eos>"})
BYTE_LEVEL = Tokenizer(name="bytes", revision=None, xxh3_128="1" * 32, vocab_size=257, eos=256, bos=None)


def pairs(positions):
    return list(zip(positions.document.tolist(), positions.offset.tolist(), strict=True))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """60 documents in three shards, an entropy from 0 to 2.7 at every position, those under 0.5 not stored."""
    folder = tmp_path_factory.mktemp("measured")
    texts = random_documents(0, 60, 40)
    tokens = write_tokens(folder / "tokens", texts, shards=3)
    rng = np.random.default_rng(1)
    rows = [
        (place, offset, rng.random() * 2.7) for place, text in enumerate(texts) for offset in range(1, len(text) - 1)
    ]
    write_positions(folder / "positions", tokens, rows, floor=0.5)
    rows = [(document, offset, float(np.float32(entropy))) for document, offset, entropy in rows]
    return open_positions(folder / "positions"), DocumentTokens(tokens), rows


def choose(measured, vocabulary=LETTERS, **settings):
    manifest, documents, _ = measured
    return select(Selection(**settings), documents, vocabulary, manifest)


def test_threshold_band_and_share_are_exact(measured):
    rows = measured[2]
    assert set(pairs(choose(measured, low=1.5))) == {(d, o) for d, o, entropy in rows if entropy >= 1.5}
    band = choose(measured, low=0.7, high=1.1)
    assert set(pairs(band)) == {(d, o) for d, o, entropy in rows if 0.7 <= entropy < 1.1}
    top = choose(measured, top=0.2)
    best = sorted(rows, key=lambda row: (-row[2], row[:2]))[: round(0.2 * len(rows))]
    assert set(pairs(top)) == {row[:2] for row in best}
    assert len(top) == len(best)
    entropies = {row[:2]: row[2] for row in rows}
    assert top.entropy.tolist() == [entropies[pair] for pair in pairs(top)]
    assert np.array_equal(top.full_entropy, 2 * top.entropy)


def test_the_order_is_seeded_and_its_first_positions_do_not_depend_on_the_count(measured):
    whole, again = pairs(choose(measured, low=1.0, seed=3)), pairs(choose(measured, low=1.0, seed=3))
    other = pairs(choose(measured, low=1.0, seed=4))
    assert whole == again
    assert sorted(whole) == sorted(other)
    assert whole != other
    assert whole != sorted(whole)
    assert pairs(choose(measured, low=1.0, seed=3, count=17)) == whole[:17]


def test_positions_of_a_document_stand_together(measured):
    order = pairs(choose(measured, low=1.0, together=4))
    places = sorted(order)
    groups = [
        [pair for pair in places if pair[0] == document][first : first + 4]
        for document in range(60)
        for first in range(0, sum(pair[0] == document for pair in places), 4)
    ]
    found = []
    while order:
        group = next(group for group in groups if group[0] == order[0])
        assert order[: len(group)] == group
        order = order[len(group) :]
        found.append(group)
    assert sorted(found) == sorted(groups)


def test_random_positions_come_from_all_and_need_no_measure(measured):
    _, documents, rows = measured
    few = select(Selection(by="random", count=50, seed=1), documents, LETTERS)
    assert len(set(pairs(few))) == 50
    assert np.isnan(few.entropy).all()
    every = select(Selection(by="random", count=10**6), documents, LETTERS)
    assert sorted(pairs(every)) == [row[:2] for row in rows]


def test_random_positions_are_uniform(measured):
    _, documents, rows = measured
    offsets = [
        select(Selection(by="random", count=1, seed=seed), documents, LETTERS).document[0] for seed in range(400)
    ]
    share = sum(row[0] < 30 for row in rows) / len(rows)
    assert abs(np.mean(np.array(offsets) < 30) - share) < 4 * np.sqrt(share * (1 - share) / 400)


def test_spans_fit_and_do_not_overlap(measured):
    _, documents, _ = measured
    spans = pairs(select(Selection(by="spans", span=5), documents, LETTERS))
    lengths = documents.lengths(np.arange(60)).tolist()
    laid = [(document, at) for document in range(60) for at in range(1, lengths[document] - 1, 5)]
    assert sorted(spans) == [(document, at) for document, at in laid if at + 5 <= lengths[document] - 1]
    hard = sorted(pairs(choose(measured, low=1.5, span=5)))
    last = (-1, -5)
    for document, at in sorted(row[:2] for row in measured[2] if row[2] >= 1.5):
        if at + 5 <= lengths[document] - 1 and (document != last[0] or at >= last[1] + 5):
            last = (document, at)
            assert hard.pop(0) == last
    assert not hard


def test_positions_inside_a_character_move_to_the_next_one(tmp_path):
    text = "a∑bé".encode()
    ids = [*text, 256]
    tokens = write_tokens(tmp_path / "tokens", [ids, ids], tokenizer=BYTE_LEVEL)
    # Offsets 2 and 3 are inside ∑ and go to b at 4; 6 is inside é, behind which is no text.
    rows = [(0, 2, 1.0), (0, 3, 2.0), (0, 5, 0.9), (0, 6, 3.0), (1, 1, 0.8), (1, 3, 2.5), (1, 4, 0.6)]
    manifest = write_positions(tmp_path / "positions", tokens, rows)
    found = select(Selection(), DocumentTokens(tokens), BYTES, manifest)
    assert sorted(pairs(found)) == [(0, 4), (0, 5), (1, 1), (1, 4)]
    figures = dict(zip(pairs(found), found.entropy.tolist(), strict=True))
    assert figures[0, 4] == 2.0  # of the nearest that was moved
    assert figures[1, 4] == np.float32(0.6)  # its own


@pytest.mark.parametrize(
    ("tokens", "offset", "reached"),
    [
        ([b"a", b"b"], 1, 1),
        ([b"\xe2", b"\x88", b"\x91", b"x"], 1, 3),
        ([b"x\xe2", b"\x88\x91y", b"z"], 1, 2),
        ([b"a", b"\xe2\x88", b"\x91"], 1, 1),  # the answer is two tokens
        ([b"a", b"\xe2\x88"], 1, -1),  # no token ends the character
        ([b"a", b"\xe2\x88", None, b"\x91"], 1, -1),
        ([b"a", b"\xff", b"b"], 1, 2),  # no text begins like that
        ([b"a", b"", b"b"], 1, 1),  # an empty token and the one behind it
        ([b"a", b"b", None], 2, -1),
        ([b"a", None, b"b"], 1, 2),
        ([None, b"\x91", b"b"], 1, 2),
        ([b"\xf0\x9f", b"\x98", b"", b"\x80", b"a"], 2, 4),
        ([b"\xf0\x9f\x98\x80", b"a"], 1, 1),
        ([b"\xe2", b"a"], 1, -1),
    ],
)
def test_reachable(tokens, offset, reached):
    assert next_reachable(tokens, offset) == reached


def test_reachable_is_what_text_can_answer():
    """Against the definition: a text that ends at some boundary of the continuation, behind a context of text."""
    rng = np.random.default_rng(0)
    alphabet = list("aé∑😀 ")
    for _ in range(300):
        raw = "".join(rng.choice(alphabet, 8)).encode()
        cuts = sorted({0, len(raw), *rng.integers(0, len(raw), 6).tolist()})
        tokens = [raw[low:high] for low, high in pairwise(cuts)]

        def text(part):
            try:
                return bool(part.decode())
            except UnicodeDecodeError:
                return False

        good = [
            at
            for at in range(1, len(tokens))
            if text(b"".join(tokens[:at]))
            and any(text(b"".join(tokens[at:end])) for end in range(at + 1, len(tokens) + 1))
        ]
        for at in range(1, len(tokens)):
            assert next_reachable(tokens, at) == next((place for place in good if place >= at), -1)


def test_masked_tokens_bos_and_special_tokens_are_no_positions(tmp_path):
    tokenizer = BYTE_LEVEL.model_copy(update={"bos": 255})
    documents = [[255, 97, 98, 99, 100, 256]]
    mask = [[False, False, False, True, True, True]]
    tokens = write_tokens(tmp_path / "masked", documents, trained=mask, tokenizer=tokenizer, format="qa")
    vocabulary = TokenBytes(BYTES.table | {255: None}, {})
    found = select(Selection(by="random", count=9), DocumentTokens(tokens), vocabulary)
    assert sorted(pairs(found)) == [(0, 3), (0, 4)]
    tokens = write_tokens(tmp_path / "whole", documents, tokenizer=tokenizer)
    found = select(Selection(by="random", count=9), DocumentTokens(tokens), vocabulary)
    assert sorted(pairs(found)) == [(0, 2), (0, 3), (0, 4)]


def test_bands(measured):
    rows = measured[2]
    every = choose(measured)
    for name, low in (("easy", 0.5), ("medium", 1.0), ("hard", 1.5)):
        assert set(pairs(Bands().split(every)[name])) == {row[:2] for row in rows if row[2] >= low}
    apart = Bands(disjoint=True).split(every)
    assert sum(map(len, apart.values())) == len(every)
    assert set(pairs(apart["medium"])) == {row[:2] for row in rows if 1.0 <= row[2] < 1.5}
    assert Bands(thresholds={"all": 0, "some": 2}).limits() == {"all": (0, np.inf), "some": (2, np.inf)}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"low": 0.3}, "selection.low: 0.3: .* has no positions under 0.5; measure with a lower --floor"),
        ({"top": 0.99}, "selection.top: 0.99: .* positions, but .*; measure with a lower --floor"),
        ({"measure": "full", "low": 2}, "selection.measure: 'full': .*; measure with --floor 0"),
        ({"low": 2.75}, "no position of .* is left"),
    ],
)
def test_a_selection_beyond_what_was_measured_is_refused(measured, settings, words):
    with pytest.raises(BadInput, match=words):
        choose(measured, **settings)


def test_positions_of_other_tokens_are_refused(measured, tmp_path):
    other = DocumentTokens(write_tokens(tmp_path / "other", [[5, 6, EOS]]))
    with pytest.raises(BadInput, match="its positions are of the tokens"):
        select(Selection(), other, LETTERS, measured[0])
    with pytest.raises(BadInput, match="needs a position manifest"):
        select(Selection(), other, LETTERS)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"by": "random"}, "need a count"),
        ({"by": "random", "count": 3, "low": 1}, "low is of entropies"),
        ({"by": "random", "count": 3, "span": 2}, "have no span"),
        ({"by": "spans"}, "spans need span"),
        ({"top": 0.5, "low": 1}, "either top, or low and high"),
        ({"low": 1, "high": 1}, "is not below"),
        ({"share": 1}, "share"),
    ],
)
def test_settings_that_make_no_sense(settings, words):
    with pytest.raises(ValidationError, match=words):
        Selection(**settings)


def test_damaged_folders_are_named(measured, tmp_path):
    tokens = write_tokens(tmp_path / "tokens", [[5, 6, 7, EOS]])
    manifest = write_positions(tmp_path / "positions", tokens, [(0, 1, 1.0), (0, 2, 2.0)])
    assert manifest.verify(full=True) == []
    (tmp_path / "tokens").rename(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match=r"tokens.location: .*restore the tokens"):
        manifest.open_tokens()
    path = tmp_path / "positions" / "data" / "00000.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BadInput, match=r"00000.parquet: .* bytes, the manifest says .*; restore the file"):
        open_positions(tmp_path / "positions")
    path.unlink()
    with pytest.raises(BadInput, match=r"00000.parquet: missing"):
        open_positions(tmp_path / "positions")
    with pytest.raises(BadInput, match="no such position manifest; make it with `mathmill positions`"):
        open_positions(tmp_path)
