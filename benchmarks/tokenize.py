"""Texts to token shards: CPU time beside the tokenizer alone and beside datatrove's DocumentTokenizer.

    .venv/bin/python -m benchmarks.tokenize [--megabytes 20] [--repeats 3]

The same Parquet file of texts (the sample articles, each copy with numbers of its own) is tokenised by the bundled
tokenizer in a process of its own, in turn: `tokenizer` only encodes, in batches; `datatrove` reads, encodes and writes
.ds and .ds.index (unshuffled); `mathmill` does that, writes where each document came from, and digests everything. A
figure is the least CPU time of the repeats, the start-up (a file of one text) taken off. Exit code 1: below 0.8 of the
tokenizer's own speed.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import manifests
from benchmarks.environment import RESULTS, ROOT, environment
from benchmarks.measure import measure
from pipeline.files import write_json
from pipeline.shard.tokenizer import BUNDLED

TOKENIZER = "mathmill-bpe-8k"
FLOOR = 0.8

ALONE = """
import sys
import pyarrow.parquet as pq
from tokenizers import Tokenizer
tokenizer = Tokenizer.from_file(sys.argv[1])
for batch in pq.ParquetFile(sys.argv[2]).iter_batches(256, columns=["text"], use_threads=False):
    tokenizer.encode_batch_fast(batch["text"].to_pylist(), add_special_tokens=False)
"""
DATATROVE = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.tokens import DocumentTokenizer
reader = ParquetReader(sys.argv[2], glob_pattern="*.parquet")
writer = DocumentTokenizer(sys.argv[3], sys.argv[1], eos_token="<|endoftext|>", shuffle_documents=False, batch_size=256)
LocalPipelineExecutor([reader, writer], tasks=1, logging_dir=sys.argv[3] + "/logs").run()
"""


def make_texts(path: Path, num_bytes: int) -> int:
    """A Parquet file of about `num_bytes` of text; the bytes written."""
    sources = sorted((manifests.ROOT / "sample" / "texts").glob("*.md"))
    pieces = [piece for source in sources for piece in source.read_text(encoding="utf-8").split("\\n## ")]
    texts: list[str] = []
    size = 0
    while size < num_bytes:
        number = len(texts)
        piece = pieces[number % len(pieces)]
        # Words that recur make the tokenizer's cache do the work; a number in every line keeps copies apart.
        text = "\n".join(f"{line} {number * 7919 + place}" for place, line in enumerate(piece.splitlines()))
        texts.append(text)
        size += len(text.encode())
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"text": texts}), path, row_group_size=1024)
    return size


def commands(source: Path, out: Path) -> dict[str, list[str]]:
    """The command line of each."""
    tokenizer = str(BUNDLED / f"{TOKENIZER}.json")
    mathmill = ["tokenize", str(source), "--tokenizer", TOKENIZER, "--out", str(out / "mathmill"), "--tasks", "1"]
    return {
        "tokenizer": [sys.executable, "-c", ALONE, tokenizer, str(source)],
        "datatrove": [sys.executable, "-c", DATATROVE, tokenizer, str(source.parent), str(out / "datatrove")],
        "mathmill": [sys.executable, "-m", "mathmill", *mathmill, "--quiet"],
    }


def main() -> int:
    """Measure, print, and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS / "tokenize.json")
    args = parser.parse_args()
    cpu: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = {"one": make_texts(folder / "one" / "a.parquet", 1)}
        sizes["all"] = make_texts(folder / "all" / "a.parquet", int(args.megabytes * 1e6))
        settings = {"TOKENIZERS_PARALLELISM": "false"}
        for repeat in range(args.repeats):
            for which in sizes:
                out = folder / f"{which}-{repeat}"
                for who, command in commands(folder / which / "a.parquet", out).items():
                    usage = measure(command, cwd=ROOT, log=out / f"{who}.log", env=settings)
                    cpu.setdefault((who, which), []).append(usage.cpu_s)
        counted = (folder / "all-0" / "mathmill" / "tokens.json").read_text(encoding="utf-8")
    totals = json.loads(counted)["totals"]
    seconds = {who: min(cpu[who, "all"]) - min(cpu[who, "one"]) for who in commands(Path("a"), Path("b"))}
    results: dict[str, Any] = {
        who: {"cpu_s": round(taken, 2), "mb_per_cpu_s": round(sizes["all"] / taken / 1e6, 2)}
        for who, taken in seconds.items()
    }
    held = {
        "over_tokenizer": round(seconds["tokenizer"] / seconds["mathmill"], 3),
        "over_datatrove": round(seconds["datatrove"] / seconds["mathmill"], 3),
    }
    write_json(
        args.out,
        {
            "environment": environment(("tokenizers", "datatrove", "pyarrow")),
            "text_bytes": sizes["all"],
            "totals": totals,
            "results": results,
            "held": held,
        },
    )
    print(results, held)
    return 1 if held["over_tokenizer"] < FLOOR else 0


if __name__ == "__main__":
    raise SystemExit(main())
