"""Sources to token shards: exact ids, origins and ledgers, the same after any interruption."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import time

import jsonschema
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
import zstandard

import manifests
from pipeline.errors import BadInput
from pipeline.files import digest, file_digest, read_json
from pipeline.progress import Reporter
from support.crawl import command, manifest_of, run
from support.tokenizers import write_tokenizer
from training.tokenize import sources
from training.tokenize.encoder import open_encoder
from training.tokenize.run import plan_job, tokenize
from training.tokens import DOCUMENT, TokenManifest


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory):
    return write_tokenizer(tmp_path_factory.mktemp("tokenizer"), eos_token="</s>", bos_token="<s>", add_bos_token=True)


def rows_of(count, start=0):
    return [
        {"id": f"{i:032x}", "url": f"https://m.test/{i}", "text": f"Let $x_{i}$ be {i * 7}."}
        for i in range(start, start + count)
    ]


def write_jsonl(path, rows):
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    elif path.suffix == ".zst":
        content = zstandard.compress(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def documents(out):
    """The documents of a token folder: (ids, id, file, row, mask)."""
    manifest = TokenManifest.load(out)
    assert manifest.verify(full=True) == []
    found = []
    for shard in manifest.shards:
        path = str(out / shard.path)
        tokens = np.fromfile(path, manifest.tokenizer.dtype)
        ends = np.fromfile(path + ".index", "<u8").astype(int)
        mask = np.fromfile(path + ".loss", "?") if manifest.masked else np.ones(len(tokens), "?")
        for record, begin, end in zip(np.fromfile(path + ".docs", DOCUMENT), [0, *ends], ends, strict=False):
            origin = bytes(record["id"]).hex(), int(record["file"]), int(record["row"])
            found.append((tokens[begin:end].tolist(), *origin, mask[begin:end].tolist()))
    return manifest, found


def make(out, source, tokenizer, *arguments, tasks=1):
    """Tokenize in this process and read the result back."""
    tokenize(plan_job((str(source),), str(tokenizer), out, *arguments), tasks, Reporter(quiet=True))
    return documents(out)


def test_files_of_every_kind(tokenizer, tmp_path):
    rows = rows_of(40)
    (tmp_path / "in").mkdir()
    pq.write_table(pa.Table.from_pylist(rows[:10]), tmp_path / "in" / "a.parquet")
    write_jsonl(tmp_path / "in" / "b.jsonl", rows[10:20])
    write_jsonl(tmp_path / "in" / "c.jsonl.gz", rows[20:30])
    write_jsonl(tmp_path / "in" / "deep" / "d.jsonl.zst", rows[30:])
    manifest, found = make(tmp_path / "out", tmp_path / "in", tokenizer)
    encoder = open_encoder(str(tokenizer))
    for number, (ids, name, file, row, mask) in enumerate(found):
        text = rows[number]["text"]
        assert ids == [0, *encoder.backend.encode(text, add_special_tokens=False).ids, 1]
        assert (name, file, row) == (rows[number]["id"], number // 10, number % 10)
        assert all(mask)
    assert len(found) == manifest.totals.documents == manifest.rows == 40
    assert manifest.totals.tokens == sum(len(ids) for ids, *_ in found)
    assert manifest.totals.trained == manifest.totals.tokens - 40
    files = [(file.path, file.rows, file.xxh3_128) for file in manifest.source.files]
    names = ("a.parquet", "b.jsonl", "c.jsonl.gz", "deep/d.jsonl.zst")
    assert files == [(name, 10, file_digest(tmp_path / "in" / name)) for name in names]
    schema = read_json(manifests.ROOT / "schema" / "tokens.schema.json")
    assert schema == TokenManifest.json_schema()
    jsonschema.validate(read_json(tmp_path / "out" / "tokens.json"), schema)


def test_rows_without_an_id_get_one_from_the_source(tokenizer, tmp_path):
    write_jsonl(tmp_path / "a.jsonl", [{"text": "one"}, {"text": None}, {"text": "two", "id": "7"}])
    manifest, found = make(tmp_path / "out", tmp_path / "a.jsonl", tokenizer)
    source = file_digest(tmp_path / "a.jsonl")
    expected = [(xxhash.xxh3_128_hexdigest(f"{source}:{row}"), 0, row) for row in (0, 2)]
    assert [tuple(origin[1:4]) for origin in found] == expected
    assert (manifest.rows, manifest.dropped, manifest.totals.documents) == (3, {"no_text": 1}, 2)


def test_a_masked_format_and_the_same_without_a_mask(tokenizer, tmp_path):
    write_jsonl(tmp_path / "a.jsonl", [{"problem": "Question?", "answer": "Answer."}])
    arguments = (tmp_path / "a.jsonl", tokenizer, "qa", ("question=problem",))
    masked, [(ids, *_, mask)] = make(tmp_path / "masked", *arguments)
    plain, [(same, *_)] = make(tmp_path / "plain", *arguments, "all")
    decode = open_encoder(str(tokenizer)).backend.decode
    assert ids == same
    assert decode([i for i, learned in zip(ids, mask, strict=True) if learned]) == "Answer."
    assert masked.totals.trained == sum(mask) < plain.totals.trained == len(ids) - 1
    assert (masked.masked, plain.masked) == (True, False)
    assert not list((tmp_path / "plain" / "data").glob("*.loss"))


def test_datatrove_reads_the_shards(tokenizer, tmp_path):
    from datatrove.utils.dataset import DatatroveFolderDataset

    write_jsonl(tmp_path / "a.jsonl", rows_of(30))
    manifest, found = make(tmp_path / "out", tmp_path / "a.jsonl", tokenizer)
    data = DatatroveFolderDataset(str(tmp_path / "out" / "data"), 9, token_size=2, return_positions=True)
    stream = [token for ids, *_ in found for token in ids]
    positions = [place for ids, *_ in found for place in range(len(ids))]
    assert len(data) == manifest.totals.tokens // 10
    for number in range(len(data)):
        item = data[number]
        assert item["input_ids"].tolist() == stream[10 * number : 10 * number + 10]
        inside = item["positions"].tolist()
        begin = inside.index(0, 1) if 0 in inside[1:] else 10
        assert inside[begin:] == positions[10 * number + begin : 10 * number + 10]


def test_large_parquet_files_are_several_parts(tokenizer, tmp_path, monkeypatch):
    pq.write_table(pa.Table.from_pylist(rows_of(100)), tmp_path / "a.parquet", row_group_size=20)
    monkeypatch.setattr(sources, "PART_BYTES", 1)
    job = plan_job((str(tmp_path / "a.parquet"),), str(tokenizer), tmp_path / "out")
    assert [(part.groups, part.first_row) for part in job.found.parts] == [((n,), 20 * n) for n in range(5)]
    manifest, found = make(tmp_path / "out", tmp_path / "a.parquet", tokenizer, tasks=2)
    assert [origin[1:4] for origin in found] == [(f"{row:032x}", 0, row) for row in range(100)]
    assert [(file.path, file.rows) for file in manifest.source.files] == [("a.parquet", 100)]


def snapshot(out):
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "build.lock"
    }


def test_killed_at_random_moments_it_goes_on_to_the_same_bytes(tokenizer, tmp_path):
    for number in range(6):
        write_jsonl(tmp_path / "in" / f"{number}.jsonl", rows_of(800, 800 * number))
    make(tmp_path / "one", tmp_path / "in", tokenizer)
    out = tmp_path / "two"
    arguments = command("tokenize", tmp_path / "in", "--tokenizer", tokenizer, "--out", out, "--tasks", "2")
    struck = 0
    for parts in (1, 4):
        process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while process.poll() is None and len(list((out / "parts").glob("0*.json"))) < parts:
            assert time.monotonic() < end
            time.sleep(0.002)
        if process.poll() is None:
            helpers = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            struck += 1
            _, alive = psutil.wait_procs(helpers, timeout=30)
            assert [helper for helper in alive if helper.status() != psutil.STATUS_ZOMBIE] == []
        process.wait()
    assert struck
    before = {path: path.stat().st_mtime_ns for path in (out / "data").glob("*.ds")}
    make(out, tmp_path / "in", tokenizer)
    assert {path: path.stat().st_mtime_ns for path in before} == before, "a finished part was made again"
    assert snapshot(out) == snapshot(tmp_path / "one")


def test_an_interruption_says_so(tokenizer, tmp_path):
    write_jsonl(tmp_path / "a.jsonl", rows_of(6_000))
    arguments = command(
        "tokenize", tmp_path / "a.jsonl", "--tokenizer", tokenizer, "--out", tmp_path / "out", "--quiet"
    )
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not list(tmp_path.glob("out/data/.*.tmp")):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    assert "interrupted; the same command goes on from here" in process.communicate()[1]
    assert process.returncode == 130
    assert not (tmp_path / "out" / "tokens.json").exists()


def test_a_changed_file_is_made_again_and_no_other(tokenizer, tmp_path):
    for number in range(3):
        write_jsonl(tmp_path / "in" / f"{number}.jsonl", rows_of(5, 5 * number))
    make(tmp_path / "out", tmp_path / "in", tokenizer)
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out" / "data").glob("*.ds")}
    write_jsonl(tmp_path / "in" / "1.jsonl", rows_of(6, 90))
    os.utime(tmp_path / "in" / "1.jsonl", ns=(1, 1))
    (tmp_path / "in" / "2.jsonl").unlink()
    _, found = make(tmp_path / "out", tmp_path / "in", tokenizer)
    assert [int(origin[1], 16) for origin in found] == [*range(5), *range(90, 96)]
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out" / "data").glob("*.ds")}
    assert sorted(after) == ["00000.ds", "00001.ds"]
    assert after["00000.ds"] == times["00000.ds"]
    assert after["00001.ds"] != times["00001.ds"]


def test_what_cannot_work_is_told_in_one_line(tokenizer, tmp_path):
    write_jsonl(tmp_path / "a.jsonl", [{"text": "one", "n": 1}])
    write_jsonl(tmp_path / "b.jsonl", [{"text": "one"}, {"text": 2}])
    (tmp_path / "c.jsonl").write_text('{"text": "one"}\nnone\n')
    (tmp_path / "d.parquet").write_text("none")
    packed = zstandard.compress("".join(f'{{"text": "{number * 7919}"}}\n' for number in range(9000)).encode())
    (tmp_path / "e.jsonl.zst").write_bytes(packed[: len(packed) * 2 // 3])

    def refused(name, out, *arguments):
        with pytest.raises(BadInput) as caught:
            make(tmp_path / out, tmp_path / name, tokenizer, *arguments)
        return str(caught.value)

    assert "no such corpus, file or folder with .parquet" in refused("nowhere", "1")
    assert "d.parquet: not Parquet" in refused("d.parquet", "1")
    assert "no column 'answer'; it has text, n: name one with --field" in refused("a.jsonl", "1", "qa")
    assert "row 1: text is int, not a string" in refused("b.jsonl", "2")
    assert "holds tokens of another source or other settings" in refused("c.jsonl", "2")
    assert "c.jsonl: line 2: not JSON" in refused("c.jsonl", "3")
    assert "e.jsonl.zst: compressed data: cut at byte " in refused("e.jsonl.zst", "5")
    assert "--train-on none: neither `answers` nor `all`" in refused("a.jsonl", "4", "text", (), "none")
    assert not list(tmp_path.rglob("tokens.json"))


def test_the_command(tokenizer, tmp_path):
    write_jsonl(tmp_path / "a.jsonl", [{"text": "one"}, {"text": ""}])
    arguments = ("tokenize", tmp_path / "a.jsonl", "--tokenizer", tokenizer, "--out", tmp_path / "out")
    plan = run(*arguments, "--plan")
    assert "1 of 1 parts to do, 29 bytes, 1 tasks" in plan.stdout
    assert not (tmp_path / "out").exists()
    result = run(*arguments)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("a: 1 documents, ")
    assert result.stdout.endswith("in 1 shards; rows left out: no_text 1\n")
    missing = run(*arguments, "--format", "cot")
    assert missing.returncode == 2
    assert "Traceback" not in missing.stderr


def test_a_corpus_shard_that_is_not_the_manifests_is_refused(tokenizer, corpus, tmp_path):
    shutil.copytree(corpus, tmp_path / "corpus")
    shard = tmp_path / "corpus" / "data" / "1.parquet"
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)
    with pytest.raises(BadInput, match=r"1\.parquet: xxh3_128 does not match the corpus manifest; restore the file"):
        make(tmp_path / "out", tmp_path / "corpus", tokenizer)
    shard.write_bytes(content[:-1])
    with pytest.raises(BadInput, match=r"1\.parquet: \d+ bytes, the manifest says \d+; restore the file"):
        make(tmp_path / "out", tmp_path / "corpus", tokenizer)


def test_a_corpus_keeps_its_ids_and_its_manifest(tokenizer, corpus, tmp_path):
    make(tmp_path / "out", corpus, tokenizer)
    manifest, found = documents(tmp_path / "out")
    content = manifest_of(corpus)
    expected = [(f"{row:032x}", row // 30, row % 30) for row in range(60)]
    assert [origin[1:4] for origin in found] == expected
    assert manifest.source.manifest_xxh3_128 == digest(content)
    assert (manifest.source.kind, manifest.source.location) == ("corpus", os.path.relpath(corpus, tmp_path / "out"))
    assert run("verify", tmp_path / "out", "--full").stdout == (
        "lessons: 2 token shards, 1,938 tokens; whole (sizes and digests)\n"
    )
    shard = tmp_path / "out" / "data" / "00000.ds"
    shard.write_bytes(bytes(shard.stat().st_size))
    broken = run("verify", tmp_path / "out", "--full")
    assert broken.returncode == 1
    assert "00000.ds: xxh3_128 does not match the manifest" in broken.stderr
    assert run("verify", corpus).returncode == 0
