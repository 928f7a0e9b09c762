"""Which files an entry of text means, and what tells that one cannot be meant."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import BadInput
from pipeline.inputs import input_files
from pipeline.recipe import load_recipe
from pipeline.texts.open import check_columns


def files(folder, inputs):
    (folder / "r.yaml").write_text(f"name: x\ninputs: [{inputs}]\n")
    found = input_files(load_recipe(folder / "r.yaml"))
    check_columns(found)
    return found


@pytest.mark.parametrize(
    ("name", "content", "entry", "expected"),
    [
        ("a.jsonl", '{"body": "x"}\n', "a.jsonl", "no column text or content in its first rows: name one in columns."),
        ("a.txt", "x", "a.txt", "a.txt is not a kind that mathmill reads by suffix; add `kind: warc` (or html"),
        ("a.warc", "x", "{path: a.warc, columns: {text: x}}", "a.warc is warc and has no columns; take out `columns`"),
        ("a.html", "x", "{path: a.html, kind: html, columns: {}}", "columns: a html file has none; take them out"),
        ("a.jsonl", "{}", "{path: a.jsonl, split: train}", "split is of data sets of the Hub alone; take it out"),
        ("a.jsonl", "{}", "{path: a.jsonl, columns: {txt: x}}", "unknown key; did you mean text?"),
        ("a.jsonl", "{}", "{path: a.jsonl, columns: {scores: {math: x}}}", "math has settings of its own"),
        ("a.jsonl", "{}", "a.jsonl, {path: a.jsonl, columns: {text: x}}", "a.jsonl is read as two kinds or with two"),
        ("a.jsonl", "{}", "'hf://datasets/o/d/a.jsonl'", "nobody pins what this address holds; write hub:OWNER/NAME"),
    ],
)
def test_what_cannot_be_meant_is_one_line(tmp_path, name, content, entry, expected):
    (tmp_path / name).write_text(content)
    with pytest.raises(BadInput) as raised:
        files(tmp_path, entry)
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_parquet_file_without_the_column_is_refused_before_anything_runs(tmp_path):
    pq.write_table(pa.table({"body": ["x"], "n": [1]}), tmp_path / "a.parquet")
    with pytest.raises(BadInput, match=r"no column text or content; it has body, n: name one in columns.text"):
        files(tmp_path, "a.parquet")
    assert [file.kind for file in files(tmp_path, "{path: a.parquet, columns: {text: body}}")] == ["parquet"]


def test_a_folder_is_searched_for_one_kind(tmp_path):
    for name in ("a.jsonl", "b.JSONL.gz", "c.html", "d.htm", "e.txt"):
        (tmp_path / name).write_text("")
    assert [file.name for file in files(tmp_path, "'.'")] == ["a.jsonl", "b.JSONL.gz"]
    assert [file.name for file in files(tmp_path, "{path: '.', kind: html}")] == ["c.html", "d.htm"]
    (tmp_path / "f.parquet").write_text("")
    assert [file.name for file in files(tmp_path, "'.'")] == ["f.parquet"]
    (tmp_path / "g.warc").write_text("")
    assert [file.name for file in files(tmp_path, "'.'")] == ["g.warc"]


def test_a_file_of_any_name_by_its_kind(tmp_path):
    (tmp_path / "rows.dat").write_text('{"text": "x"}')
    assert [(file.name, file.kind) for file in files(tmp_path, "{path: rows.dat, kind: jsonl}")] == [
        ("rows.dat", "jsonl")
    ]


def test_other_columns_are_another_identity(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "x"}')
    (plain,) = files(tmp_path, "a.jsonl")
    (usual,) = files(tmp_path, "{path: a.jsonl, columns: {text: [text, content]}}")
    (other,) = files(tmp_path, "{path: a.jsonl, columns: {url: source}}")
    assert plain.identity == usual.identity != other.identity


def test_a_recipe_of_crawls_says_no_more_than_before(tmp_path):
    (tmp_path / "r.yaml").write_text("name: x\ninputs: [crawl]\n")
    said = load_recipe(tmp_path / "r.yaml").recipe.model_dump(mode="json")["inputs"]
    assert said == [{"path": "crawl", "kind": None, "base": None, "first": 0, "count": None}]
