"""Costs come from the stats of this build's own parts."""

import json
from pathlib import Path

import pytest
from report.corpus_writer import MakeCorpus, document, input_file, left_out

from pipeline.report.costs import costs
from pipeline.report.files import CorpusFiles
from pipeline.shard.manifest import Manifest


def _stats(manifest: Manifest, folder: Path, stage: str, phase: str, part: str, cpu_s: float, **values: object) -> None:
    summary = next(summary for summary in manifest.stages if summary.name == stage)
    path = folder / summary.folder / "stats" / phase / f"{part}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    stats = {"label": part, "bytes_in": 100, "wall_s": 2 * cpu_s, "cpu_s": cpu_s, "peak_rss_bytes": 1000} | values
    path.write_text(json.dumps(stats), encoding="utf-8")


def test_stages_and_slow_parts(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    gone = [(document(9), left_out(9, "filter", "math"))]
    manifest = make_corpus([document(1), document(2)], gone, [input_file("a", "ok"), input_file("b", "ok")], parts=2)
    _stats(manifest, tmp_path, "extract", "pages", "part0", 1.0, peak_rss_bytes=5000)
    _stats(manifest, tmp_path, "extract", "pages", "part1", 2.0)
    _stats(manifest, tmp_path, "extract", "pages", "another-build", 50.0)
    _stats(manifest, tmp_path, "dedup", "signatures", "part0", 0.5)
    _stats(manifest, tmp_path, "dedup", "cluster", "all", 4.0)
    found = costs(CorpusFiles(manifest, tmp_path))
    assert found.cpu_s == 7.5
    extract, dedup = found.stages
    assert (extract.stage, extract.parts, extract.documents, extract.cpu_s) == ("extract", 2, 3, 3.0)
    assert (extract.documents_per_cpu_s, extract.bytes_in, extract.peak_rss_bytes) == (1.0, 20, 5000)
    files = CorpusFiles(manifest, tmp_path)
    assert extract.bytes_out == sum(Path(path).stat().st_size for path in files.data("extract"))
    assert (dedup.parts, dedup.documents, dedup.cpu_s) == (2, 2, 4.5)
    assert dedup.bytes_in == sum(Path(path).stat().st_size for path in files.data("filter"))
    assert [(part.stage, part.phase, part.label, part.wait) for part in found.slowest] == [
        ("dedup", "cluster", "all", 0.5),
        ("extract", "pages", "part1", 0.5),
        ("extract", "pages", "part0", 0.5),
        ("dedup", "signatures", "part0", 0.5),
    ]


@pytest.mark.parametrize("cpu_s", [0.0, 0.001])
def test_a_part_that_took_no_time(make_corpus: MakeCorpus, tmp_path: Path, cpu_s: float) -> None:
    manifest = make_corpus([document(1)])
    _stats(manifest, tmp_path, "extract", "pages", "part0", cpu_s)
    (stage,) = costs(CorpusFiles(manifest, tmp_path)).stages
    assert stage.documents_per_cpu_s == (1000.0 if cpu_s else 0.0)


def test_a_copy_without_stage_folders_has_no_costs(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    assert costs(CorpusFiles(make_corpus([document(1)]), tmp_path)).stages == ()
