"""Our side of the refine benchmark: one part of documents through the refine stage, as a task of a build runs it.

`python -m benchmarks.refine_mill DOCUMENTS OUT URL` prints a JSON line: CPU seconds without start-up, memory, verdicts.
"""

import json
import resource
import sys
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq

from pipeline.recipe import LoadedRecipe, Recipe
from pipeline.refine.guard import check_rewrite
from pipeline.refine.prompts import load_prompt
from pipeline.refine.scores import scorer
from pipeline.refine.stage import RefineStage
from pipeline.stage import Part

CONCURRENCY = 96
_SAMPLE = 300


def main(documents: Path, out: Path, url: str) -> None:
    """Refine the documents; the answers go to OUT/cache/refine, so that a second call goes on behind them."""
    refine = {
        "backend": "openai",
        "model": "benchmark",
        "base_url": url,
        "prompt": "web-pro",
        "max_concurrency": CONCURRENCY,
    }
    recipe = Recipe.model_validate_json(json.dumps({"name": "refine", "inputs": ["none"], "refine": refine}))
    loaded = LoadedRecipe(recipe, out / "recipe.yaml")
    stage = RefineStage(loaded, out, None, out / "refine")
    scorer(loaded)  # models are loaded once for all parts of a task: not this part's cost
    rows = pq.ParquetFile(documents).metadata.num_rows
    part = Part(name="part", label="documents", bytes=documents.stat().st_size, data={"path": str(documents)})
    before, started = time.process_time(), time.monotonic()
    stage.run_part(stage.phases()[0], part, lambda _: None)
    stage.close()
    record = json.loads(stage.record_path("rewrite", "part").read_text())
    result = {
        "documents": rows,
        "cpu_s": round(time.process_time() - before, 3),
        "wall_s": round(time.monotonic() - started, 3),
        "peak_rss_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "rss_at_end_bytes": psutil.Process().memory_info().rss,
        "verdicts": record["info"]["verdicts"],
        "guard_cpu_ms_per_document": round(_guard_ms(documents), 3),
    }
    print(json.dumps(result))


def _guard_ms(documents: Path) -> float:
    """CPU milliseconds of the guard alone, over the first documents, each with a rewrite that keeps everything."""
    texts = next(pq.ParquetFile(documents).iter_batches(_SAMPLE, columns=["text"]))["text"].to_pylist()
    instructions = load_prompt("web-pro").instructions
    before = time.process_time()
    for text in texts:
        check_rewrite(text, text, prompt=instructions)
    return 1000 * (time.process_time() - before) / len(texts)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
