"""Data sets of the Hub as inputs, from a Hub of the tests' own."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import BadInput
from pipeline.inputs import input_files
from pipeline.recipe import load_recipe
from pipeline.remote import RemoteError
from support.crawl import build, run
from support.hub import READER, FakeHub, point_at
from support.mixed import proof

CARD = """---
configs:
- config_name: algebra
  data_files:
  - {split: train, path: algebra/train-*.parquet}
  - {split: test, path: algebra/test.parquet}
- config_name: geometry
  data_files: geometry/*.parquet
---
"""


def parquet(*numbers):
    stored = io.BytesIO()
    pq.write_table(pa.table({"text": [proof(number) for number in numbers]}), stored)
    return stored.getvalue()


def lines(*numbers):
    return "".join(json.dumps({"text": proof(number)}) + "\n" for number in numbers).encode()


@pytest.fixture(scope="module")
def hub():
    with FakeHub() as server:
        server.commit = server.put(
            "o/d",
            {
                "README.md": CARD.encode(),
                "algebra/train-0.parquet": parquet(1, 2),
                "algebra/train-1.parquet": parquet(3),
                "algebra/test.parquet": parquet(4),
                "geometry/a.parquet": parquet(5, 6, 7),
                "more.jsonl": lines(8),
            },
        )
        server.put("o/private", {"a.jsonl": lines(1)}, private=True)
        yield server


@pytest.fixture
def recipe(hub, tmp_path, monkeypatch):
    point_at(hub, monkeypatch, tmp_path / "hf", READER)
    path = tmp_path / "r.yaml"

    def written(entry, **keys):
        extra = "".join(f"{key}: {value}\n" for key, value in keys.items())
        path.write_text(f"name: x\ninputs: [{entry}]\nfilter: {{min_math_score: 0}}\n{extra}")
        return path

    return written


def names(path):
    return [file.name.partition("@")[2].partition("/")[2] for file in input_files(load_recipe(path))]


def test_a_data_set_is_built_from_its_commit(hub, recipe, tmp_path):
    hub.fail("resolve", 503, "drop")
    manifest = build(recipe("'hub:o/d'", remote="{max_wait_s: 0.01}"), tmp_path / "out", 2)
    files = pq.read_table(tmp_path / "out" / manifest["inputs"]["path"]).to_pylist()
    root = f"hf://datasets/o/d@{hub.commit}"
    assert [(file["file"], file["records"]) for file in files] == [
        (f"{root}/algebra/test.parquet", 1),
        (f"{root}/algebra/train-0.parquet", 2),
        (f"{root}/algebra/train-1.parquet", 1),
        (f"{root}/geometry/a.parquet", 3),
        (f"{root}/more.jsonl", 1),
    ]
    assert [bool(file["xxh3_128"]) for file in files] == [False, False, False, False, True]
    assert manifest["totals"]["documents"] == 8
    found = pq.read_table(tmp_path / "out" / manifest["shards"][0]["path"]).to_pylist()
    third = next(row["id"] for row in found if row["text"] == proof(7))
    traced = run("trace", tmp_path / "out", third)
    assert f"source    {root}/geometry/a.parquet, row 2\n" in traced.stdout


def test_globs_revisions_configurations_and_splits(hub, recipe):
    assert names(recipe("'hub:o/d:geometry/*'")) == ["geometry/a.parquet"]
    assert names(recipe("{path: o/d, kind: hub}")) == names(recipe(f"'hub:o/d@{hub.commit}'"))
    assert names(recipe("{path: 'hub:o/d', config: geometry}")) == ["geometry/a.parquet"]
    assert names(recipe("{path: 'hub:o/d', config: algebra}")) == [
        "algebra/test.parquet",
        "algebra/train-0.parquet",
        "algebra/train-1.parquet",
    ]
    train = recipe("{path: 'hub:o/d', config: algebra, split: train}")
    assert names(train) == ["algebra/train-0.parquet", "algebra/train-1.parquet"]
    before = {file.identity for file in input_files(load_recipe(train))}
    hub.put("o/d", {"notes.txt": b"x"}, branch="later")
    hub.put("o/d", {"algebra/train-0.parquet": parquet(1, 2), "README.md": CARD.encode()}, branch="later")
    later = {file.identity for file in input_files(load_recipe(recipe("'hub:o/d@later:algebra/train*'")))}
    assert not before & later, "a commit is part of the identity"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            "'hub:o/none'",
            "hub:o/none: the Hub knows no such data set, or shows it to others; correct name and revision",
        ),
        ("'hub:o/private'", "hub:o/private: the Hub knows no such data set, or shows it to others"),
        ("'hub:o/d@none'", "hub:o/d@none: the Hub knows no such data set"),
        ("'hub:o/d:*.txt'", "none of its 6 files is *.txt; correct the glob"),
        ("'hub:o/d/e/f'", "; correct the name"),
        ("{path: 'hub:o/d', config: analysis}", "config: BuilderConfig 'analysis' not found. Available: ['algebra', "),
        ("{path: 'hub:o/d', config: algebra, split: dev}", "split: 'dev': there are train, test; correct split"),
    ],
)
def test_what_the_hub_does_not_have_is_one_line(recipe, entry, expected):
    with pytest.raises(BadInput) as raised:
        names(recipe(entry))
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)


def test_without_a_network_it_says_so_in_one_line(recipe, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RemoteError) as raised:
        names(recipe("'hub:o/d'", remote="{max_wait_s: 0.01}"))
    assert str(raised.value).startswith("hub:o/d: [Errno 111] Connection refused; gave up after 4 tries")
    assert "\n" not in str(raised.value)


def test_a_throttled_listing_is_asked_for_again(hub, recipe):
    hub.fail("info", 429, 503)
    assert len(names(recipe("'hub:o/d'", remote="{max_wait_s: 0.01}"))) == 5
    hub.fail("info", *[503] * 4)
    with pytest.raises(RemoteError, match=r"hub:o/d: .*gave up after 4 tries"):
        names(recipe("'hub:o/d'", remote="{max_wait_s: 0.01}"))
