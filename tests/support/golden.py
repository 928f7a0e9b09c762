"""Digests of what stages make, on record in `tests/data/golden.json`."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from classifiers import load_model
from classifiers.language import load_language_model
from pipeline.files import digest, read_json, write_json

GOLDEN = Path(__file__).parents[1] / "data" / "golden.json"
MODELS = [load_model("math").digest, load_language_model().digest]


def content(corpus: Path, stage: str) -> str:
    """Digest of a stage's rows, kept and dropped, whatever the library that wrote the files."""
    rows = [
        {"kind": kind, "file": path.name, "rows": pq.read_table(path).to_pylist()}
        for kind in ("data", "dropped")
        for path in sorted(next(corpus.glob(f"0?-{stage}-*")).glob(f"{kind}/*.parquet"))
    ]
    return digest([{**entry, "rows": [{k: str(v) for k, v in row.items()} for row in entry["rows"]]} for entry in rows])


def check_golden(name: str, found: dict[str, object], request: pytest.FixtureRequest) -> None:
    """Fail where `content` changed and `version` did not; record both with --record-golden."""
    golden = read_json(GOLDEN)
    if request.config.getoption("--record-golden"):
        write_json(GOLDEN, golden | {name: found})
        return
    if found["version"] == golden[name]["version"]:
        assert found["content"] == golden[name]["content"], f"{name}: output changed, raise its version and record"
    else:
        pytest.fail(f"{name}: version {golden[name]['version']} became {found['version']}: record with --record-golden")
