"""Real model servers on a tiny model, started by the stage itself, end to end through a recipe.

`transformers serve` runs here; `make test-servers` runs the same against vLLM, which checks its requests. The weights
are random: what is tested is the way, and that no rubbish gets through.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from support.crawl import build, write_warc
from support.tiny_model import make_model

WHERE = "{model} --host 127.0.0.1 --port {port}"
TRANSFORMERS = f"{Path(sys.executable).parent / 'transformers'} serve {WHERE} --device cpu"
VLLM = f"vllm serve {WHERE} --max-model-len 2048 --enforce-eager --dtype float32"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def crawl(tmp_path):
    pages = [
        (
            f"00000000-0000-4000-8000-{number:012d}",
            f"https://m.test/{number}",
            f"<title>Lesson {number}</title><main><p>We prove theorem number {number} by induction, and compute the"
            f" sum $1 + {number} = {number + 1}$ of the series as an exercise in algebra.</p></main>".encode(),
        )
        for number in (9,)
    ]
    write_warc(tmp_path / "warc" / "0.warc.gz", pages)
    return tmp_path


def recipe(folder: Path, model: Path, command: str) -> Path:
    settings = {
        "name": "tiny",
        "inputs": ["warc"],
        "filter": {"min_math_score": 0.0, "languages": [], "min_language_score": 0.0},
        "refine": {
            "backend": "openai",
            "model": str(model),
            "server": {"command": command, "start_timeout_s": 1200},
            "sampling": {"temperature": 0},
            "prompt": "clean-only",
            "context_tokens": 2048,
            "output_tokens": 16,
            "attempts": 1,
            "give_up_s": 60,
        },
    }
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(settings))
    return path


def check(folder: Path, path: Path) -> None:
    """Two builds, the second over the cache of the first and with no server at all: equal, and nothing got through."""
    out = folder / "out"
    manifest = build(path, out, 2)
    verdicts = [
        row for file in sorted(out.glob("04-refine-*/verdicts/*.parquet")) for row in pq.read_table(file).to_pylist()
    ]
    assert [row["action"] for row in verdicts] == ["keep_original"]
    assert all(row["reasons"] for row in verdicts)
    assert all(row["refused"] for row in verdicts)
    assert all(row["prompt_tokens"] > 100 and 0 < row["completion_tokens"] <= 200 for row in verdicts)
    assert manifest["refinement"]["answers"] == 1
    again = folder / "again"
    shutil.copytree(out / "cache", again / "cache")
    settings = json.loads(path.read_text())
    settings["refine"]["server"]["command"] = "/nowhere/serve {port}"
    path.write_text(json.dumps(settings))
    second = build(path, again, 1)
    assert (second["shards"], second["refinement"]) == (manifest["shards"], manifest["refinement"])


def test_transformers_serve(crawl, model, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    check(crawl, recipe(crawl, model, TRANSFORMERS))


@pytest.mark.servers
def test_vllm(crawl, model, monkeypatch):
    binaries = os.environ.get("MATHMILL_VLLM")
    assert binaries, "set MATHMILL_VLLM to the folder of vLLM's command; `make test-servers` does"
    for name, value in {
        "HF_HUB_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    }.items():
        monkeypatch.setenv(name, value)
    check(crawl, recipe(crawl, model, f"{binaries}/{VLLM}"))
