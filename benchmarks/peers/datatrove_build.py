"""The datatrove way from WARC files to a deduplicated English corpus; runs in the environment of datatrove.txt.

    python datatrove_build.py INPUT OUT --lid MODEL [--no-deduplicate]

WarcReader, Trafilatura, LanguageFilter, Parquet; then MinHash's four steps on it and Parquet again: datatrove's own
blocks with the settings they ship with, one task, one worker, but for two. Trafilatura has 10 s for a page instead of
1 s, so that no page is lost to a busy machine. The language model is read from a file, since the default downloads it.
Writes OUT/result.json: CPU seconds of each step (own and of child processes), and datatrove's counters.
"""

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import LanguageFilter
from datatrove.pipeline.readers import ParquetReader, WarcReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils.lid import FastTextLID

TIMEOUT_S = 10


class LocalLID(FastTextLID):  # type: ignore[misc]
    """Language identification with a fastText model from a file, loaded when first asked, as FT176LID does."""

    def __init__(self, path: str, languages: list[str]) -> None:
        super().__init__(languages)
        self.path = path
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The loaded model."""
        if self._model is None:
            from fasttext.FastText import _FastText

            self._model = _FastText(self.path)
        return self._model


def pipelines(source: str, out: Path, lid: str, deduplicate: bool) -> dict[str, tuple[int, list[PipelineStep]]]:
    """Each step's number of tasks and datatrove blocks, in order."""
    config = MinhashConfig()
    language = LanguageFilter(languages=["en"])
    language.model = LocalLID(lid, ["en"])
    texts, signatures, buckets, removed = (str(out / name) for name in ("text", "signatures", "buckets", "removed"))
    return {
        "extract": (
            1,
            [
                WarcReader(source, glob_pattern="*.warc.gz"),
                Trafilatura(favour_precision=True, timeout=TIMEOUT_S, deduplicate=deduplicate),
                language,
                ParquetWriter(texts, compression="zstd"),
            ],
        ),
        "minhash signatures": (1, [ParquetReader(texts), MinhashDedupSignature(signatures, config)]),
        "minhash buckets": (config.num_buckets, [MinhashDedupBuckets(signatures, buckets, config=config)]),
        "minhash cluster": (1, [MinhashDedupCluster(buckets, removed, config=config)]),
        "minhash filter": (
            1,
            [ParquetReader(texts), MinhashDedupFilter(removed), ParquetWriter(str(out / "corpus"), compression="zstd")],
        ),
    }


def cpu_seconds(who: int) -> float:
    """User and system seconds of this process, or of its children that have ended."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Run every step and write result.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", help="folder with .warc.gz files")
    parser.add_argument("out", type=Path, help="folder to make")
    parser.add_argument("--lid", required=True, help="fastText language model with the labels of lid.176")
    parser.add_argument("--no-deduplicate", action="store_true", help="Trafilatura(deduplicate=False); default: True")
    args = parser.parse_args()
    steps: dict[str, Any] = {}
    for name, (tasks, blocks) in pipelines(args.input, args.out, args.lid, not args.no_deduplicate).items():
        started = time.monotonic()
        own, children = cpu_seconds(resource.RUSAGE_SELF), cpu_seconds(resource.RUSAGE_CHILDREN)
        logs = str(args.out / "logs" / name.replace(" ", "-"))
        stats = LocalPipelineExecutor(blocks, tasks=tasks, workers=1, logging_dir=logs).run()
        steps[name] = {
            "cpu_s": round(cpu_seconds(resource.RUSAGE_SELF) - own, 3),
            "children_cpu_s": round(cpu_seconds(resource.RUSAGE_CHILDREN) - children, 3),
            "wall_s": round(time.monotonic() - started, 3),
            "counters": {stat["name"]: stat["stats"] for stat in json.loads(stats.to_json())},
        }
    (args.out / "result.json").write_text(json.dumps(steps, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
