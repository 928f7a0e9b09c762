"""From token shards to batches: speed beside MosaicML Streaming and Hugging Face datasets; the plan of 100 M documents.

    .venv/bin/python -m benchmarks.data_path [--repeats 3] [--tokens 50_000_000] [--documents 100_000_000]

Every reader runs in a process of its own, the peers in environments from `peers/streaming.txt` and
`peers/datasets.txt`, in turn (A B C A B C), over the same tokens in a warm page cache: batches of 16 rows of 8,192
tokens as int64. A figure is the median over the repeats, in tokens per CPU second, start-up and plan not counted. All
read documents in a shuffled order; the peers lay them end to end as they come, without bounds or masks, mathmill packs,
cuts and masks. The peers' `rows` are told beside: rows concatenated once beforehand, so that only rows are shuffled.

The plan is of one component with a synthetic index (its token file is a hole): the first start and a later one, each
from the start of the process to its first batch, with the peak of the memory that is the process's own (RssAnon).
Exit code 1: a floor is not held.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.environment import RESULTS, ROOT, cache_folder, environment
from pipeline.files import write_json
from training.tokens import MANIFEST, Source, SourceFile, Tokenizer, TokenManifest, TokenShard, TokenTotals
from training.writer import write_shard

PEERS = ROOT / "benchmarks" / "peers"
ROW, BATCH = 8192, 16
MEANS = (1000, 50)
VOCABULARY = 128_256
OURS = "mathmill"
READERS: dict[str, tuple[str, str, str] | None] = {
    OURS: None,
    "streaming": ("streaming", "data_path_streaming.py", "documents"),
    "streaming_rows": ("streaming", "data_path_streaming.py", "rows"),
    "datasets": ("datasets", "data_path_datasets.py", "documents"),
    "datasets_rows": ("datasets", "data_path_datasets.py", "rows"),
}
"""Environment, program and option of each peer."""
DISTRIBUTIONS = {"streaming": ("mosaicml-streaming", "torch", "numpy"), "datasets": ("datasets", "pyarrow", "numpy")}
FLOORS = {"tokens_per_cpu_s": 20e6, "over_streaming": 3.0, "over_datasets": 3.0}
CEILINGS = {"first_start_s": 60.0, "later_start_s": 10.0, "own_memory_bytes": float(1 << 30)}


def peer_python(name: str) -> Path:
    """The interpreter of a peer's environment, made by pip from its pinned file when it is not there yet."""
    pins = PEERS / f"{name}.txt"
    folder = cache_folder() / f"peer-{name}"
    python, made_from = folder / "bin" / "python", folder / "made-from.txt"
    if not made_from.exists() or made_from.read_bytes() != pins.read_bytes():
        print(f"making the environment of {name} …", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        pip = [str(python), "-m", "pip", "--quiet", "--quiet", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, "pip==26.3"], check=True)
        subprocess.run([*pip, "-r", str(pins)], check=True)
        shutil.copyfile(pins, made_from)
    return python


def make_documents(folder: Path, mean: int, tokens: int) -> Path:
    """A token folder of log-normal documents (sigma 1) of `mean` tokens, in one shard; the mixture file of it."""
    rng = np.random.default_rng(mean)
    lengths = np.maximum(2, rng.lognormal(np.log(mean) - 0.5, 1.0, tokens // mean)).astype(np.int64)
    tokenizer = _tokenizer()
    with write_shard(folder, "data/00000.ds", tokenizer.dtype, False) as writer:
        for row, length in enumerate(lengths.tolist()):
            ids = rng.integers(1, VOCABULARY, length, np.uint32)
            ids[-1] = tokenizer.eos
            writer.add(ids, row.to_bytes(16, "big"), 0, row)
    _write_manifest(folder, writer.shard)
    return _write_mixture(folder)


def make_index(folder: Path, documents: int, mean: int) -> Path:
    """A token folder of `documents` documents: the index is real, the tokens are a hole. The mixture file of it."""
    rng = np.random.default_rng(7)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    path, end = folder / "data" / "00000.ds", 0
    with path.with_suffix(".ds.index").open("wb") as file:
        for first in range(0, documents, 1 << 22):
            count = min(1 << 22, documents - first)
            lengths = np.maximum(2, rng.lognormal(np.log(mean) - 0.5, 1.0, count)).astype(np.uint64)
            ends = np.cumsum(lengths) + np.uint64(end)
            ends.tofile(file)
            end = int(ends[-1])
    for suffix, size in ((".ds", 4 * end), (".ds.docs", 24 * documents)):
        with path.with_suffix(suffix).open("wb") as file:
            file.truncate(size)
    none = dict.fromkeys((".ds", ".ds.index", ".ds.docs"), "0" * 32)
    shard = TokenShard(path="data/00000.ds", documents=documents, tokens=end, trained=end - documents, xxh3_128=none)
    _write_manifest(folder, shard)
    return _write_mixture(folder)


def _tokenizer() -> Tokenizer:
    return Tokenizer(name="synthetic", revision=None, xxh3_128="0" * 32, vocab_size=VOCABULARY, eos=0, bos=None)


def _write_manifest(folder: Path, shard: TokenShard) -> None:
    source = Source(
        kind="files",
        name=folder.name,
        location=".",
        revision=None,
        manifest_xxh3_128=None,
        files=(SourceFile(path="none", rows=shard.documents, xxh3_128="0" * 32),),
    )
    manifest = TokenManifest(
        schema_version=1,
        name=folder.name,
        format="text",
        masked=False,
        tokenizer=_tokenizer(),
        rows=shard.documents,
        dropped={},
        totals=TokenTotals(documents=shard.documents, tokens=shard.tokens, trained=shard.trained),
        shards=(shard,),
        source=source,
    )
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))


def _write_mixture(folder: Path) -> Path:
    components = {"synthetic": {"tokens": ".", "weight": 1}}
    content = {"name": "synthetic", "sequence_length": ROW, "components": components}
    path = folder / "mixture.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def read_ours(mixture: Path, batches: int) -> dict[str, Any]:
    """What mathmill's reader takes for `batches` batches, in this process."""
    from training.data import open_mixture

    data = open_mixture(mixture, verify=False)
    began, cpu = time.monotonic(), time.process_time()
    total = sum(data.sequences(BATCH * number, BATCH).loss_mask.size for number in range(batches))
    wall_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
    return {"tokens": total, "cpu_s": cpu_s, "wall_s": wall_s}


def start_ours(mixture: Path) -> dict[str, Any]:
    """What a start takes, from nothing to the first batch, in this process (imports included)."""
    from training.data import open_mixture

    data = open_mixture(mixture, verify=False)
    data.sequences(0, BATCH)
    return {"cpu_s": time.process_time(), "sequences_per_pass": round(1 / data.passes(1)["synthetic"])}


def run(command: list[str | Path], cache: Path) -> dict[str, Any]:
    """Run a reader to its end; its figures, and the peak of its own memory."""
    settings = os.environ | {"OMP_NUM_THREADS": "1", "MATHMILL_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
    began, own = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            list(map(str, command)), stdout=output, stderr=subprocess.DEVNULL, env=settings, cwd=ROOT
        )
        while process.poll() is None:
            own = max(own, _own_memory(process.pid))
            time.sleep(0.02)
        for stream in (output, log):
            stream.seek(0)
        text, problem = output.read(), log.read()
    if process.returncode:
        raise RuntimeError(f"{command} ended with code {process.returncode}:\n{problem[-2000:]}")
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return {**found, "whole_wall_s": time.monotonic() - began, "own_memory_bytes": own}


def _own_memory(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 1024 * sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))


def speeds(folder: Path, mean: int, tokens: int, repeats: int) -> dict[str, Any]:
    """Every reader's figures on documents of one mean."""
    mixture = make_documents(folder / f"documents-{mean}", mean, tokens)
    batches = tokens // (ROW * BATCH) * 9 // 10
    stream = mixture.parent / "data" / "00000.ds"
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in READERS}
    for number in range(repeats + 1):  # the first round writes the peers' rows and warms the page cache
        for name, peer in READERS.items():
            command: list[str | Path] = [sys.executable, "-m", "benchmarks.data_path", "--read", mixture]
            command += ["--batches", str(batches)]
            if peer is not None:
                name_, script, option = peer
                samples = folder / f"{name}-{mean}"
                command = [peer_python(name_), PEERS / script, stream, str(ROW), str(BATCH), str(batches)]
                command += [samples, option]
            found = run(command, folder / f"cache-{number}")
            if number:
                runs[name].append(found)
    results: dict[str, Any] = {}
    for name, done in runs.items():
        rates = sorted(item["tokens"] / item["cpu_s"] for item in done)
        results[name] = {
            "tokens_per_cpu_s": round(statistics.median(rates)),
            "lowest": round(rates[0]),
            "highest": round(rates[-1]),
            "tokens_per_wall_s": round(statistics.median(item["tokens"] / item["wall_s"] for item in done)),
            "tokens": done[0]["tokens"],
            "own_memory_bytes": max(item["own_memory_bytes"] for item in done),
        }
        print(f"mean {mean:>5}  {name:18} {results[name]['tokens_per_cpu_s'] / 1e6:8.1f} M tokens / CPU s", flush=True)
    return results


def plan(folder: Path, documents: int) -> dict[str, Any]:
    """The first start and a later one on a synthetic index."""
    mixture = make_index(folder / "index", documents, MEANS[0])
    command: list[str | Path] = [sys.executable, "-m", "benchmarks.data_path", "--start", mixture]
    first, later = (run(command, folder / "plan-cache") for _ in range(2))
    found = {"documents": documents, "first_start": first, "later_start": later}
    print(f"plan of {documents:,} documents: {found}", flush=True)
    return found


def main() -> int:
    """Measure, print, and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=50_000_000)
    parser.add_argument("--documents", type=int, default=100_000_000)
    parser.add_argument("--out", type=Path, default=RESULTS / "data_path.json")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--start", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--batches", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read or args.start:
        print(json.dumps(read_ours(args.read, args.batches) if args.read else start_ours(args.start)))
        return 0
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        planned = plan(Path(folder), args.documents)
        read = {
            f"mean_{mean}": speeds(Path(folder), mean, args.tokens if mean > 100 else args.tokens // 5, args.repeats)
            for mean in MEANS
        }
    main_figures = read[f"mean_{MEANS[0]}"]
    ours = main_figures[OURS]["tokens_per_cpu_s"]
    held = {
        "tokens_per_cpu_s": ours,
        "over_streaming": round(ours / main_figures["streaming"]["tokens_per_cpu_s"], 2),
        "over_datasets": round(ours / main_figures["datasets"]["tokens_per_cpu_s"], 2),
        "first_start_s": round(planned["first_start"]["cpu_s"], 1),
        "later_start_s": round(planned["later_start"]["cpu_s"], 1),
        "own_memory_bytes": planned["first_start"]["own_memory_bytes"],
    }
    document = {
        "environment": environment(("numpy",)),
        "peers": {name: environment(found, peer_python(name))["versions"] for name, found in DISTRIBUTIONS.items()},
        "batch": [BATCH, ROW],
        "read": read,
        "plan": planned,
        "held": held,
    }
    write_json(args.out, document)
    print(held)
    missed = [name for name, floor in FLOORS.items() if held[name] < floor]
    missed += [name for name, ceiling in CEILINGS.items() if held[name] > ceiling]
    for name in missed:
        print(f"missed: {name} is {held[name]}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
