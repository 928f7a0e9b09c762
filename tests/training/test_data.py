"""Batches against the documents they were made of."""

import numpy as np
import pytest

from pipeline.errors import BadInput
from support.tokens import EOS, random_documents, write_mixture, write_tokens
from training.data import Batch, open_mixture, slice_rows
from training.ledger import add

LENGTH = 64


@pytest.fixture(scope="module")
def documents():
    masked = random_documents(3, 150, 60)
    rng = np.random.default_rng(0)
    return {
        "a": (random_documents(1, 500, 40), None),
        "b": (random_documents(2, 300, 90), None),
        "c": (masked, [rng.integers(0, 2, len(document)).astype(bool).tolist() for document in masked]),
    }


@pytest.fixture(scope="module")
def folder(documents, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    for number, (name, (tokens, trained)) in enumerate(documents.items(), 1):
        write_tokens(folder / name, tokens, trained=trained, shards=number)
    return folder


def mixture(folder, path, **settings):
    weights = {"a": 0.5, "b": "1/3", "c": "1/6"}
    return write_mixture(path, {name: (folder / name, weight) for name, weight in weights.items()}, **settings)


@pytest.fixture(params=["best_fit", "concatenate"])
def data(folder, tmp_path, request):
    return open_mixture(mixture(folder, tmp_path / "mix.yaml", window=100, packing=request.param))


def equal(one: Batch, other: Batch) -> bool:
    def rows(batch):
        return [*batch.cu_seqlens, *batch.documents, *batch.offsets, batch.tokens, batch.loss_mask, batch.component]

    pairs = list(zip(rows(one), rows(other), strict=True))
    return all(np.array_equal(mine, theirs) and mine.dtype == theirs.dtype for mine, theirs in pairs)


def join(*batches: Batch) -> Batch:
    return Batch(
        np.concatenate([batch.tokens for batch in batches]),
        np.concatenate([batch.loss_mask for batch in batches]),
        [bounds for batch in batches for bounds in batch.cu_seqlens],
        [document for batch in batches for document in batch.documents],
        [offset for batch in batches for offset in batch.offsets],
        np.concatenate([batch.component for batch in batches]),
    )


def test_rows_hold_the_documents_they_name(data, documents):
    batch = data.sequences(0, 400)
    assert batch.tokens.shape == (400, LENGTH + 1)
    assert batch.tokens.dtype == np.int64
    for row in range(400):
        tokens, trained = documents[data.components[batch.component[row]]]
        bounds = batch.cu_seqlens[row].tolist()
        assert (bounds[0], bounds[-1]) == (0, LENGTH)
        rows = zip(batch.documents[row].tolist(), batch.offsets[row].tolist(), bounds, bounds[1:], strict=False)
        for document, offset, begin, end in rows:
            whole, last = tokens[document], offset + end - begin
            assert batch.tokens[row, begin:end].tolist() == whole[offset:last]
            learned = (trained[document] if trained is not None else [True] * len(whole))[offset + 1 : last + 1]
            if last == len(whole):
                learned = [*learned, False]
            else:
                assert end == LENGTH
                assert batch.tokens[row, LENGTH] == whole[last]
            assert batch.loss_mask[row, begin:end].tolist() == learned
        if last == len(whole):
            assert batch.tokens[row, LENGTH] == EOS


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (2, 3), (3, 8)])
def test_stopped_and_resumed_on_other_ranks_reads_the_same(folder, tmp_path, before, after):
    """N steps, then N more by other ranks, with passes that wrap: the rows of 2N steps in one process."""
    path, steps, rows = mixture(folder, tmp_path / "mix.yaml", window=100), 20, 50
    whole = open_mixture(path)
    assert min(whole.passes(2 * steps * rows).values()) > 1
    data = open_mixture(path, verify=False)
    for step in range(2 * steps):
        ranks = before if step < steps else after
        if step == steps:
            data = open_mixture(path, verify=False)
        slices = [slice_rows(step, rows, rank, ranks) for rank in range(ranks)]
        assert len({part.count + part.padding for part in slices}) == 1
        read = join(*(data.sequences(part.first, part.count) for part in slices))
        assert equal(read, whole.sequences(step * rows, rows))


def test_the_order_of_reading_does_not_show(data, folder, tmp_path):
    again = open_mixture(data.loaded.path)
    for first in (900, 0, 455, 901):
        micro = join(*(again.sequences(first + row, 1) for row in range(5)))
        assert equal(micro, data.sequences(first, 5))


def test_slices_cover_a_step_once():
    for ranks in (1, 2, 3, 8):
        slices = [slice_rows(7, 10, rank, ranks) for rank in range(ranks)]
        assert [i for part in slices for i in range(part.first, part.first + part.count)] == list(range(70, 80))
        assert {part.count + part.padding for part in slices} == {-(-10 // ranks)}
    with pytest.raises(ValueError, match="rank 2 is not below the world size 2"):
        slice_rows(0, 4, 2, 2)


def test_padding_counts_in_no_loss(data):
    batch = data.sequences(3, 2)
    padded = batch.padded(2)
    assert equal(batch.padded(0), batch)
    assert padded.tokens.shape == (4, LENGTH + 1)
    assert padded.loss_mask.sum() == batch.loss_mask.sum()
    assert padded.component.tolist() == [*batch.component.tolist(), -1, -1]
    assert padded.cu_seqlens[3].tolist() == [0, LENGTH]


def test_the_ledger_adds_up(data, documents):
    whole = data.ledger(0, 1200)
    parts = data.ledger(0, 0)
    for first in range(0, 1200, 100):
        ledger, batch = data.ledger(first, 100), data.sequences(first, 100)
        for number, name in enumerate(data.components):
            ledger[name].check(LENGTH)
            assert ledger[name].sequences == np.count_nonzero(batch.component == number)
            assert ledger[name].trained == batch.loss_mask[batch.component == number].sum()
        parts = add(parts, ledger)
    assert parts == whole
    for name, (tokens, _) in documents.items():
        part = data.parts[data.components.index(name)]
        total = sum(map(len, tokens))
        one_pass = next(n for n in range(1, 2000) if part.passes(n) == 1)
        assert one_pass * LENGTH + part.dropped(one_pass) == total
        assert whole[name].repeats == max(0, whole[name].sequences - one_pass) * LENGTH


def test_every_document_is_read_once_in_a_pass(folder, tmp_path, documents):
    """Of whole windows without a rest nothing is missing: 2-token sequences of 2-token documents."""
    pairs = [[1 + d, EOS] for d in range(200)]
    write_tokens(tmp_path / "pairs", pairs, shards=7)
    data = open_mixture(
        write_mixture(tmp_path / "m.yaml", {"p": (tmp_path / "pairs", 1)}, sequence_length=2, window=30)
    )
    first, second = data.sequences(0, 200), data.sequences(200, 200)
    for batch in (first, second):
        assert sorted(batch.tokens[:, 0].tolist()) == [1 + d for d in range(200)]
        assert batch.loss_mask.tolist() == [[True, False]] * 200
    assert not np.array_equal(first.tokens, second.tokens), "each pass has an order of its own"
    assert data.ledger(0, 400)["p"].repeats == 400


def test_the_order_digest_covers_what_shapes_the_order_and_no_path(folder, tmp_path):
    base = open_mixture(mixture(folder, tmp_path / "one.yaml")).order_digest
    (tmp_path / "moved").symlink_to(folder)
    (tmp_path / "sub").mkdir()
    assert open_mixture(mixture(tmp_path / "moved", tmp_path / "sub" / "two.yaml")).order_digest == base
    capped = "components.a.repeat_cap=9"
    assert open_mixture(tmp_path / "one.yaml", (capped,)).order_digest == base
    changes = ("seed=1", "sequence_length=65", "packing=concatenate", "window=99", "components.c.weight=0.5")
    for change in changes[:-1]:
        assert open_mixture(tmp_path / "one.yaml", (change,)).order_digest != base
    with pytest.raises(BadInput, match=r"the weights sum to 1\.333333333, not 1"):
        open_mixture(tmp_path / "one.yaml", changes[-1:])


def test_the_plan_is_a_cache(folder, tmp_path, monkeypatch):
    path = mixture(folder, tmp_path / "mix.yaml", window=100)
    expected = open_mixture(path).sequences(700, 50)
    files = sorted((tmp_path / "cache").glob("plans/*/*.npy"))
    assert files == []
    monkeypatch.setenv("MATHMILL_CACHE", str(tmp_path / "cache"))
    assert equal(open_mixture(path).sequences(700, 50), expected)
    files = sorted((tmp_path / "cache").glob("plans/*/*.npy"))
    times = [file.stat().st_mtime_ns for file in files]
    assert equal(open_mixture(path).sequences(700, 50), expected)
    assert [file.stat().st_mtime_ns for file in files] == times
    files[0].unlink()
    assert equal(open_mixture(path).sequences(700, 50), expected)


def test_a_budget_beyond_the_repeat_cap_is_refused(folder, tmp_path):
    path = mixture(folder, tmp_path / "mix.yaml", window=100)
    data = open_mixture(path, ("components.b.repeat_cap=2",))
    fits = max(n for n in range(3000) if data.passes(n)["b"] <= 2)
    data.check_budget(fits)
    with pytest.raises(BadInput, match=r"components\.b\.repeat_cap: 2: [\d,]+ sequences take 2\.\d\d passes over it"):
        data.check_budget(fits + 3)


@pytest.mark.parametrize("suffix", [".ds", ".ds.index", ".ds.docs", ".ds.loss"])
def test_a_flipped_byte_is_refused_and_the_file_named(documents, tmp_path, suffix):
    tokens, trained = documents["c"]
    write_tokens(tmp_path / "t", tokens, trained=trained, shards=2)
    path = write_mixture(tmp_path / "m.yaml", {"t": (tmp_path / "t", 1)})
    open_mixture(path)
    file = tmp_path / "t" / "data" / f"00001{suffix}"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(BadInput, match=rf"00001{suffix}: xxh3_128 does not match the manifest; restore the file"):
        open_mixture(path)
    file.write_bytes(content[:-1])
    with pytest.raises(BadInput, match=rf"00001{suffix}: \d+ bytes, the manifest says \d+"):
        open_mixture(path, verify=False)
    file.unlink()
    with pytest.raises(BadInput, match=rf"00001{suffix}: missing"):
        open_mixture(path)


def test_what_does_not_fit_is_refused(folder, tmp_path, documents):
    path = mixture(folder, tmp_path / "mix.yaml")

    def refused(*overrides):
        with pytest.raises(BadInput) as caught:
            open_mixture(path, overrides)
        return str(caught.value)

    assert "no tokens.json in" in refused("components.a.tokens=nowhere")
    assert "`mathmill tokenize hub:x/y --format qa --tokenizer TOKENIZER --out nowhere`" in refused(
        "components.a.tokens=nowhere", "components.a.source=hub:x/y --format qa"
    )
    assert "components.a.format: 'qa'" in refused("components.a.format=qa")
    assert "components.b.tokens: the same tokens as a" in refused(f"components.b.tokens={folder / 'a'}")
    assert "fill no sequence of 100,000" in refused("sequence_length=100_000")
    assert "components.a.weight: 0" in refused("components.a.weight=0")
    assert "components.a.wieght" in refused("components.a.wieght=1")
    assert "did you mean weight?" in refused("components.a.wieght=1")
    other = write_tokens(tmp_path / "other", documents["a"][0], tokenizer=data_tokenizer("b" * 32))
    assert "made with tokenizer toy (bbbb" in refused(f"components.b.tokens={other.folder}")


def data_tokenizer(digest):
    from support.tokens import TOKENIZER

    return TOKENIZER.model_copy(update={"xxh3_128": digest})
