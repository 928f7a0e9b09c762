"""What a finished build leaves: shards, manifest, lists, card, report; and the commands that read them."""

import itertools
import json
import shutil
from pathlib import Path

import datasets
import jsonschema
import pyarrow.parquet as pq
import pytest
import xxhash

import manifests
from pipeline.document import SCHEMA
from pipeline.errors import BadInput
from pipeline.files import file_digest, read_json
from pipeline.shard.manifest import Manifest
from support.crawl import run


@pytest.fixture(scope="module")
def corpus(reference) -> Path:
    return reference[0]


@pytest.fixture
def copy(corpus, tmp_path) -> Path:
    return Path(shutil.copytree(corpus, tmp_path / "copy"))


def rows_of(corpus: Path, kind: str) -> list[dict[str, object]]:
    return [row for path in sorted(corpus.glob(kind)) for row in pq.read_table(path).to_pylist()]


def test_the_manifest_follows_its_schema(corpus):
    schema = read_json(manifests.ROOT / "schema" / "corpus-manifest.schema.json")
    jsonschema.validate(read_json(corpus / "manifest.json"), schema)
    assert schema == Manifest.json_schema()


def test_every_ledger_balances_and_joins_the_next(corpus):
    stages = Manifest.load(corpus).stages
    assert [stage.name for stage in stages] == ["extract", "filter", "dedup", "shard"]
    for stage in stages:
        assert stage.ledger["in"] == stage.ledger["kept"] + sum(stage.ledger["dropped"].values())
        assert sum(stage.ledger["dropped"].values()) == len(rows_of(corpus, f"{stage.folder}/dropped/*.parquet"))
    for before, after in itertools.pairwise(stages):
        assert before.ledger["kept"] == after.ledger["in"]
    assert stages[0].ledger == {"in": 78, "kept": 72, "dropped": {"not_response": 6}}
    assert stages[2].ledger == {"in": 72, "kept": 62, "dropped": {"duplicate_exact": 10}}
    assert stages[3].ledger["kept"] == Manifest.load(corpus).totals.documents


def test_a_document_is_in_the_shard_of_its_id_and_rows_are_in_order(corpus):
    manifest = Manifest.load(corpus)
    assert len(manifest.shards) > 2
    for index, (shard, path) in enumerate(zip(manifest.shards, manifest.shard_paths(), strict=True)):
        table = pq.read_table(path)
        ids = table["id"].to_pylist()
        assert table.schema == SCHEMA
        assert ids == sorted(ids)
        assert {xxhash.xxh3_64_intdigest(id_) % len(manifest.shards) for id_ in ids} == {index}
        assert (shard.first_id, shard.last_id, shard.rows) == (ids[0], ids[-1], len(ids))
        assert shard.tokens == sum(table["tokens"].to_pylist())
        assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_document_carries_its_origin_and_scores(corpus):
    document = next(row for row in rows_of(corpus, "04-*/data/*.parquet") if row["url"] == "https://m2.test/3")
    assert document["id"] == "00000000000040008002000000000003"
    assert (document["host"], document["warc_file"], document["title"]) == (
        "m2.test",
        "2.warc.gz",
        "Lesson 203 on matrices",
    )
    assert document["formulas"] == 16
    assert document["language"] == "en"
    assert document["duplicates"] == 1
    assert "$x_{1}^2 + 1 = 2022085$" in document["text"] or "$x_{1}^2 + 1 = " in document["text"]
    assert document["parent"] is None


def test_load_dataset_opens_the_folder(corpus, tmp_path):
    dataset = datasets.load_dataset(str(corpus), cache_dir=str(tmp_path))
    assert dataset["train"].num_rows == Manifest.load(corpus).totals.documents
    assert set(dataset["train"].column_names) == set(SCHEMA.names)


def test_lists_name_every_input_and_part(corpus):
    manifest = Manifest.load(corpus)
    inputs = pq.read_table(corpus / manifest.inputs.path).to_pylist()
    assert [(row["file"], row["records"], row["documents"], row["status"]) for row in inputs] == [
        (f"{number}.warc.gz", 13, 12, "ok") for number in range(6)
    ]
    ledgers = pq.read_table(corpus / manifest.ledgers.path).to_pylist()
    assert sum(row["kept"] for row in ledgers if row["stage"] == "extract") == 72


def test_input_digests_are_of_the_whole_files(corpus, crawl):
    for row in pq.read_table(corpus / Manifest.load(corpus).inputs.path).to_pylist():
        assert row["xxh3_128"] == file_digest(crawl / "warc" / row["file"])


def test_nothing_names_the_machine(corpus, crawl):
    for path in (corpus / "manifest.json", corpus / "report.html", corpus / "README.md", *corpus.glob("*/done.json")):
        assert str(crawl) not in path.read_text()
        assert str(corpus) not in path.read_text()


def test_verify_finds_what_is_missing_cut_or_changed(copy):
    assert run("verify", copy).returncode == 0
    assert "shards whole (sizes and digests)" in run("verify", copy, "--full").stdout
    first, second, third = Manifest.load(copy).shard_paths()[:3]
    content = bytearray(first.read_bytes())
    content[100] ^= 1
    first.write_bytes(content)
    assert run("verify", copy).returncode == 0, "sizes alone do not see a flipped bit"
    result = run("verify", copy, "--full")
    assert result.returncode == 1
    assert f"{first.name}: xxh3_128 does not match the manifest" in result.stderr
    second.write_bytes(second.read_bytes()[:-1])
    third.unlink()
    result = run("verify", copy / "manifest.json")
    assert result.returncode == 1
    assert (
        f"{second.name}: {second.stat().st_size} bytes, the manifest says {second.stat().st_size + 1}" in result.stderr
    )
    assert f"{third.name}: missing" in result.stderr


def test_a_manifest_of_another_version_is_refused(copy):
    manifest = read_json(copy / "manifest.json")
    (copy / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 2}))
    with pytest.raises(BadInput, match="schema_version: 2 is not known to this mathmill"):
        Manifest.load(copy)
    (copy / "manifest.json").write_text(json.dumps(manifest | {"colour": "red"}))
    with pytest.raises(BadInput, match="colour"):
        Manifest.load(copy)
    (copy / "manifest.json").write_text("{")
    with pytest.raises(BadInput, match="not JSON"):
        Manifest.load(copy)


def test_trace_tells_the_way_of_a_kept_document(corpus):
    text = run("trace", corpus, "00000000000040008002000000000003").stdout
    assert "https://m2.test/3" in text
    assert "capture   2.warc.gz at byte" in text
    assert "filter    kept: en" in text
    assert "dedup     kept: a cluster of 1" in text
    assert "data/train-0000" in text


def test_trace_tells_where_a_url_left_and_who_stands_for_it(corpus):
    dropped = rows_of(corpus, "03-*/dropped/*.parquet")[0]
    text = run("trace", corpus, dropped["url"]).stdout
    assert "filter    kept: en" in text
    assert "dedup     left out: duplicate_exact" in text
    assert f"{dropped['survivor']} stands for it" in text
    assert f"stands for {dropped['id']}" in run("trace", corpus, dropped["survivor"]).stdout


def test_trace_of_a_stranger_is_bad_input(corpus):
    result = run("trace", corpus, "https://nowhere.test/")
    assert result.returncode == 2
    assert "no document of" in result.stderr


def test_trace_refuses_a_corpus_that_is_not_whole(copy):
    Manifest.load(copy).shard_paths()[0].unlink()
    result = run("trace", copy, "0" * 32)
    assert result.returncode == 1
    assert "missing" in result.stderr
    assert "Traceback" not in result.stderr


def test_report_can_be_written_again(copy):
    before = (copy / "report.html").read_bytes()
    (copy / "report.html").unlink()
    assert run("report", copy).stdout.strip() == str(copy / "report.html")
    assert (copy / "report.html").read_bytes() == before
