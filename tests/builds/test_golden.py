"""What each stage makes of the small crawl is on record: an output that changes without its
version raised would be taken for finished work by every build that goes on in an old folder.

After raising a version: `python -m pytest tests/builds/test_golden.py --record-golden`.
"""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from classifiers import load_model
from classifiers.language import load_language_model
from pipeline.extract.html import VERSION as HTML_VERSION
from pipeline.files import digest, read_json, write_json
from pipeline.stages import STAGES
from support.crawl import build

GOLDEN = Path(__file__).parents[1] / "data" / "golden.json"
MODELS = [load_model("math").digest, load_language_model().digest]
VERSIONS = {stage.name: stage.version for stage in STAGES} | {"extract": [STAGES[0].version, HTML_VERSION, *MODELS]}


def content(corpus: Path, stage: str) -> str:
    """Digest of a stage's rows, kept and dropped, whatever the library that wrote the files."""
    rows = [
        {"kind": kind, "file": path.name, "rows": pq.read_table(path).to_pylist()}
        for kind in ("data", "dropped")
        for path in sorted(next(corpus.glob(f"0?-{stage}-*")).glob(f"{kind}/*.parquet"))
    ]
    return digest([{**entry, "rows": [{k: str(v) for k, v in row.items()} for row in entry["rows"]]} for entry in rows])


@pytest.fixture(scope="module")
def corpora(crawl, reference, tmp_path_factory):
    """A corpus for each stage: the reference, and for the stage that it has not, one that goes on from its stages."""
    out = tmp_path_factory.mktemp("golden") / "out"
    shutil.copytree(reference[0], out)
    build(crawl / "recipe.yaml", out, 1, "--set", "refine.backend=rules")
    return {stage.name: reference[0] for stage in STAGES} | {"refine": out}


@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
def test_an_output_changes_only_with_its_version(corpora, request, stage):
    found = {"version": VERSIONS[stage], "content": content(corpora[stage], stage)}
    golden = read_json(GOLDEN) if GOLDEN.exists() else {}
    if request.config.getoption("--record-golden"):
        write_json(GOLDEN, golden | {stage: found})
        return
    if found["version"] == golden[stage]["version"]:
        assert found["content"] == golden[stage]["content"], f"{stage}: output changed, raise its version and record"
    else:
        pytest.fail(
            f"{stage}: version {golden[stage]['version']} became {found['version']}: record with --record-golden"
        )
