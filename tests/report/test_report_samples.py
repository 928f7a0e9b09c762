"""Which documents are shown, and what of them."""

from pathlib import Path

import pytest
import xxhash
from report.corpus_writer import MakeCorpus, Row, document, left_out

from pipeline.report import samples
from pipeline.report.files import CorpusFiles, database
from pipeline.report.samples import Sample, dropped_samples, kept_samples
from pipeline.shard.manifest import Manifest


def _samples(manifest: Manifest, folder: Path) -> tuple[list[Sample], list[Sample]]:
    files = CorpusFiles(manifest, folder)
    with database() as connection:
        return kept_samples(files, connection), dropped_samples(files, connection)


def _prose(sample: Sample) -> str:
    assert sample.text is not None
    return "".join(piece.text for piece in sample.text.pieces)


def test_kept_samples_have_the_smallest_hashes(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    manifest = make_corpus([document(number) for number in range(200)])
    kept, dropped = _samples(manifest, tmp_path)
    seed = manifest.recipe.xxh3_128
    ids = sorted((document(n)["id"] for n in range(200)), key=lambda id_: xxhash.xxh3_64_intdigest(f"{id_}\n{seed}"))
    assert [dict(sample.origin)["id"] for sample in kept] == ids[:20]
    assert dropped == []


def test_a_kept_sample_tells_all(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    ((sample,), _) = _samples(make_corpus([document(7, duplicates=3)]), tmp_path)
    assert (sample.title, sample.url) == ("Lesson 7", "https://host1.example/page/7")
    assert dict(sample.facts) == {
        "math": "0.070",
        "language": "en 0.900",
        "formulas": "2",
        "tokens": "30",
        "stands for": "3",
        "captured": "2024-01-08",
    }
    assert dict(sample.origin) == {"id": f"{7:032x}", "file": "crawl/a.warc.gz", "offset": "7,000"}
    assert _prose(sample) == document(7)["text"]
    assert sample.chars == len(document(7)["text"])
    assert sample.left is None


def test_reasons_take_turns_and_records_that_are_no_pages_give_one(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    gone: list[tuple[Row | None, Row]] = [
        (None, left_out(n, "extract", "not_response", value="request")) for n in range(100, 160)
    ]
    gone += [(None, left_out(n, "extract", "too_deep", value="1204")) for n in range(200, 202)]
    gone += [(document(n), left_out(n, "filter", "math", value="0.1")) for n in range(300, 400)]
    gone += [(document(n), left_out(n, "dedup", "near_duplicate", survivor=document(1)["id"])) for n in range(400, 403)]
    _, dropped = _samples(make_corpus([document(1)], gone), tmp_path)
    reasons = [sample.left.reason for sample in dropped if sample.left]
    assert reasons[:8] == [
        "too_deep", "math", "near_duplicate", "not_response", "too_deep", "math", "near_duplicate", "math"
    ]  # fmt: skip
    assert len(reasons) == 20
    assert reasons.count("not_response") == 1
    assert len({dict(sample.origin)["id"] for sample in dropped}) == 20


def test_left_out_samples_have_the_text_of_the_stage_before(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    # Two captures with one id, as real crawls have: each reason must come with its own capture's text.
    first = document(5, warc_offset=1, text="first text")
    second = document(5, warc_offset=2, text="second text")
    gone: list[tuple[Row | None, Row]] = [
        (first, left_out(5, "filter", "math", warc_offset=1, value="0.050")),
        (second, left_out(5, "filter", "too_short", warc_offset=2, value="11")),
        (document(6), left_out(6, "dedup", "duplicate", survivor=document(1)["id"])),
        (None, left_out(8, "extract", "empty", value="812 bytes of HTML")),
    ]
    _, dropped = _samples(make_corpus([document(1)], gone), tmp_path)
    found = {sample.left.reason: sample for sample in dropped if sample.left}
    assert _prose(found["math"]) == "first text"
    assert _prose(found["too_short"]) == "second text"
    assert _prose(found["duplicate"]) == document(6)["text"]
    assert found["empty"].text is None
    assert found["empty"].left is not None
    assert found["empty"].left.value == "812 bytes of HTML"
    assert found["duplicate"].left is not None
    assert found["duplicate"].left.survivor == f"{1:032x} https://host1.example/page/1"


def test_a_record_without_identity_is_a_sample_too(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    nothing = {"id": None, "url": None, "warc_file": None, "warc_offset": None}
    gone = [(None, left_out(1, "extract", "corrupt", **nothing)), (None, left_out(1, "extract", "corrupt", **nothing))]
    _, dropped = _samples(make_corpus([], gone), tmp_path)
    assert [(sample.url, sample.origin, sample.text) for sample in dropped] == [("", (), None)] * 2


def test_of_a_crawl_too_large_to_read_whole_every_reason_still_shows(
    make_corpus: MakeCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[tuple[Row | None, Row]] = [
        (document(n), left_out(n, "filter", "language" if n == 350 else "math")) for n in range(300, 400)
    ]
    manifest = make_corpus([], gone, parts=10)
    read: list[str] = []
    columns = samples._columns
    monkeypatch.setattr(samples, "_columns", lambda path, names: read.append(path) or columns(path, names))
    whole = _samples(manifest, tmp_path)[1]
    assert len({path for path in read if "dropped" in path and "filter" in path}) == 10
    read.clear()
    monkeypatch.setattr(samples, "_ROWS", 15)
    _, dropped = _samples(manifest, tmp_path)
    assert len({path for path in read if "dropped" in path and "filter" in path}) in (2, 3)
    for found in (whole, dropped):
        assert [s.left.reason for s in found if s.left].count("language") == 1
        assert len(found) == 20
    assert dropped == _samples(manifest, tmp_path)[1]
