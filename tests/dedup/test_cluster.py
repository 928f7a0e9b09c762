"""Clustering against a brute-force model, over random inputs and any arrangement of parts."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.dedup.cluster import cluster
from pipeline.dedup.stage import _BANDS, _DOCS


def decide(folder, documents, parts=1, memory_bytes=64 << 20):
    """Cluster documents (dicts with id, offset, formulas, chars, text_hash, keys) spread over `parts` files."""
    shares = [documents[index::parts] for index in range(parts)]
    docs, bands = [], []
    for index, share in enumerate(shares):
        rows = [
            {"part": f"p{index}", "row": row, "warc_file": "f", "warc_offset": document["offset"]}
            | {key: document[key] for key in ("id", "formulas", "chars", "text_hash")}
            for row, document in enumerate(share)
        ]
        keys = [
            {"band": band, "key": key, "part": f"p{index}", "row": row}
            for row, document in enumerate(share)
            for band, key in enumerate(document["keys"])
        ]
        folder.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=_DOCS), folder / f"docs{index}.parquet")
        pq.write_table(pa.Table.from_pylist(keys, schema=_BANDS), folder / f"bands{index}.parquet")
        docs.append(folder / f"docs{index}.parquet")
        bands.append(folder / f"bands{index}.parquet")
    out = folder / "decisions.parquet"
    cluster(docs, bands, out, temporary=folder / "tmp", memory_bytes=memory_bytes, threads=2)
    decided = {}
    for row in pq.read_table(out).to_pylist():
        document = shares[int(row["part"][1:])][row["row"]]
        assert document["id"] == row["id"]
        decided[document["id"], document["offset"]] = (row["reason"], row["survivor"], row["duplicates"])
    return decided


def document(id_, offset=0, *, formulas=0, chars=10, text_hash=None, keys=()):
    return {
        "id": id_,
        "offset": offset,
        "formulas": formulas,
        "chars": chars,
        "text_hash": text_hash or id_,
        "keys": keys,
    }


def test_equal_ids_leave_the_smallest_capture(tmp_path):
    decided = decide(tmp_path, [document("a", 30), document("a", 10, text_hash="x"), document("a", 20)])
    assert decided == {
        ("a", 10): (None, None, 3),
        ("a", 20): ("duplicate_id", "a", None),
        ("a", 30): ("duplicate_id", "a", None),
    }


def test_equal_texts_leave_the_one_with_most_formulas_then_the_longest(tmp_path):
    decided = decide(
        tmp_path,
        [
            document("a", text_hash="t", formulas=1, chars=9),
            document("b", text_hash="t", formulas=2, chars=5),
            document("c", text_hash="t", formulas=2, chars=6),
        ],
    )
    assert decided["c", 0] == (None, None, 3)
    assert decided["a", 0][:2] == decided["b", 0][:2] == ("duplicate_exact", "c")


def test_near_duplicates_are_joined_through_a_chain(tmp_path):
    chain = [document(f"{n:03d}", keys=(n // 2, (n + 1) // 2)) for n in range(50)]  # each shares one key with the next
    decided = decide(tmp_path, chain)
    assert decided["000", 0] == (None, None, 50)
    assert all(decided[f"{n:03d}", 0] == ("duplicate_near", "000", None) for n in range(1, 50))


def test_the_survivor_of_an_exact_duplicate_is_the_document_that_stays(tmp_path):
    decided = decide(
        tmp_path,
        [
            document("a", formulas=3, keys=(7,)),
            document("b", formulas=2, text_hash="t", keys=(7,)),
            document("c", formulas=1, text_hash="t", keys=(7,)),
        ],
    )
    assert decided["a", 0] == (None, None, 3)
    assert decided["b", 0] == ("duplicate_near", "a", None)
    assert decided["c", 0] == ("duplicate_exact", "a", None)


def test_a_band_key_counts_in_its_band_alone(tmp_path):
    decided = decide(tmp_path, [document("a", keys=(1, 2)), document("b", keys=(2, 1))])
    assert {reason for reason, _, _ in decided.values()} == {None}


def test_texts_without_words_are_nobodys_duplicate(tmp_path):
    rows = [document("a"), document("b")]
    for row in rows:
        row["text_hash"] = None
    assert {reason for reason, _, _ in decide(tmp_path, rows).values()} == {None}


def test_nothing_in_nothing_out(tmp_path):
    assert decide(tmp_path, []) == {}


def brute_force(documents):
    best = lambda d: (-d["formulas"], -d["chars"], d["id"], d["offset"])  # noqa: E731
    firsts = {}
    for d in sorted(documents, key=lambda d: d["offset"]):
        firsts.setdefault(d["id"], d)
    groups = {}
    for d in firsts.values():
        groups.setdefault(d["text_hash"], []).append(d)
    exact = {d["id"]: min(group, key=best)["id"] for group in groups.values() for d in group}
    nodes = [d for d in firsts.values() if exact[d["id"]] == d["id"]]
    parent = {d["id"]: d["id"] for d in nodes}

    def root(x):
        while parent[x] != x:
            x = parent[x]
        return x

    buckets = {}
    for d in nodes:
        for band, key in enumerate(d["keys"]):
            first = buckets.setdefault((band, key), d["id"])
            parent[root(d["id"])] = root(first)
    components = {}
    for d in nodes:
        components.setdefault(root(d["id"]), []).append(d)
    near = {d["id"]: min(group, key=best)["id"] for group in components.values() for d in group}
    sizes = {}
    for d in documents:
        survivor = near[exact[d["id"]]]
        sizes[survivor] = sizes.get(survivor, 0) + 1
    expected = {}
    for d in documents:
        survivor = near[exact[d["id"]]]
        if firsts[d["id"]] is not d:
            expected[d["id"], d["offset"]] = ("duplicate_id", survivor, None)
        elif exact[d["id"]] != d["id"]:
            expected[d["id"], d["offset"]] = ("duplicate_exact", survivor, None)
        elif survivor != d["id"]:
            expected[d["id"], d["offset"]] = ("duplicate_near", survivor, None)
        else:
            expected[d["id"], d["offset"]] = (None, None, sizes[d["id"]])
    return expected


@pytest.mark.parametrize("seed", range(4))
def test_any_input_in_any_arrangement_agrees_with_brute_force(tmp_path, seed):
    rng = random.Random(seed)
    documents = [
        document(
            f"{rng.randrange(300):04d}",
            offset,
            formulas=rng.randrange(3),
            chars=rng.randrange(20),
            text_hash=f"t{rng.randrange(250)}",
            keys=tuple(rng.randrange(220) for _ in range(3)),
        )
        for offset in range(400)
    ]
    expected = brute_force(documents)
    for parts in (1, 3):
        rng.shuffle(documents)
        assert decide(tmp_path / f"{parts}", documents, parts) == expected
