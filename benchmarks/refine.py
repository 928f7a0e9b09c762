"""The refine stage against a server that answers in 200 ms with 64 slots, beside datatrove's InferenceRunner.

`python -m benchmarks.refine` measures, in turn on the same load: how many slots each keeps busy, and CPU seconds per
document of 1,000 tokens (ours with the guard, scores and verdicts; the peer checks nothing). Then a kill and a resume:
seconds from the start of the process to its first new request, on a part of which 19 in 20 documents are answered. With
`--long 100000`, so many documents through a quicker server: memory as it goes. Exit code 1: a target was missed.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.environment import RESULTS, ROOT, cache_folder, environment
from benchmarks.refine_documents import write_documents
from benchmarks.refine_mill import CONCURRENCY
from pipeline.files import write_json
from pipeline.refine.prompts import load_prompt

SLOTS, DELAY_S = 64, 0.2
BUSY_SHARE = 0.95
CPU_MS = 3.0
RESUME_S = 5.0
GROWTH = 1.25
_LONG_TOKENS = 100
_PINS = ROOT / "benchmarks" / "peers" / "inference.txt"
_PEER = ROOT / "benchmarks" / "peers" / "datatrove_refine.py"


def main() -> int:
    """Measure, write results/refine.json, and say what was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=6_000, help="documents of the comparison")
    parser.add_argument("--long", type=int, default=0, metavar="N", help="documents of the long run; 0: none")
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    folder = cache_folder() / "refine"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tokens = write_documents(folder, "documents/documents.parquet", arguments.documents)
    path = RESULTS / "refine.json"
    result: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    result |= {
        "load": {"documents": arguments.documents, "tokens": round(tokens), "slots": SLOTS, "delay_s": DELAY_S},
        "concurrency": CONCURRENCY,
        "runs": [_compare(folder, number, arguments.documents) for number in range(arguments.repeats)],
        "resume": _resume(folder),
    }
    if arguments.long:
        result["long"] = _long(folder, arguments.long)
    result["environment"] = environment(["aiohttp", "pyarrow", "xxhash", "zstandard"])
    result["peer"] = {"name": "datatrove InferenceRunner, endpoint server, with checkpoints", "pins": _PINS.name}
    missed = _missed(result)
    result["missed"] = missed
    write_json(path, result)
    print(json.dumps({name: result[name] for name in ("runs", "resume", "missed")}, indent=1))
    return 1 if missed else 0


def _compare(folder: Path, number: int, documents: int) -> dict[str, Any]:
    """Ours and the peer's, each with a server of its own that has seen nothing else."""
    source = folder / "documents" / "documents.parquet"
    with _server(SLOTS, DELAY_S) as url:
        ours = _run([sys.executable, "-m", "benchmarks.refine_mill", source, folder / f"ours-{number}", f"{url}/v1"])
        ours |= _stats(url)
    instructions = folder / "instructions.txt"
    instructions.write_text(load_prompt("web-pro").instructions, encoding="utf-8")
    with _server(SLOTS, DELAY_S) as url:
        peer = _run([_peer(), _PEER, source, folder / f"peer-{number}", url, CONCURRENCY, instructions])
        peer |= _stats(url)
    for side in (ours, peer):
        side["cpu_ms_per_document"] = round(1000 * side["cpu_s"] / documents, 3)
    return {"mathmill": ours, "datatrove": peer, "idle_cpus": round(100 - psutil.cpu_percent(0.5))}


def _resume(folder: Path) -> dict[str, Any]:
    """Kill a run when 19 in 20 documents are answered, start it again, and see when the server hears of it."""
    count = 20_000
    write_documents(folder, "resume/documents.parquet", count)
    command = [sys.executable, "-m", "benchmarks.refine_mill", folder / "resume" / "documents.parquet"]
    out = folder / "resumed"
    with _server(512, 0.001) as url:
        process = _start([*command, out, f"{url}/v1"])
        while _stats(url)["requests"] < 0.95 * count:
            if process.poll() is not None:
                raise RuntimeError("the run ended before it was killed")
            time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        before = _stats(url)["requests"]
        urllib.request.urlopen(f"{url}/reset").read()
        started = time.time()
        process = _start([*command, out, f"{url}/v1"])
        while not _stats(url)["requests"]:
            if process.poll() is not None:
                raise RuntimeError("the resumed run ended without a request")
            time.sleep(0.05)
        first = _stats(url)["first_request_unix_s"] - started
        process.kill()
        process.wait()
    return {"documents": count, "answered_before": before, "first_request_after_s": round(first, 2)}


def _long(folder: Path, count: int) -> dict[str, Any]:
    """Many short documents in one part: resident memory at every tenth of the way."""
    tokens = write_documents(folder, "long/documents.parquet", count, _LONG_TOKENS)
    with _server(256, 0.01) as url:
        source = folder / "long" / "documents.parquet"
        process = _start([sys.executable, "-m", "benchmarks.refine_mill", source, folder / "long-out", f"{url}/v1"])
        sizes: dict[int, int] = {}
        while process.poll() is None:
            tenth = _stats(url)["requests"] * 10 // count
            if tenth not in sizes:
                sizes[tenth] = psutil.Process(process.pid).memory_info().rss
            time.sleep(0.5)
        assert process.stdout is not None
        done: dict[str, Any] = json.loads(process.stdout.read().splitlines()[-1])
    by_tenth = {str(tenth): size for tenth, size in sorted(sizes.items())}
    return done | {"tokens": round(tokens), "rss_by_tenth_bytes": by_tenth}


def _missed(result: dict[str, Any]) -> list[str]:
    missed = []
    best = max(run["mathmill"]["busy_share"] for run in result["runs"])
    if best < BUSY_SHARE:
        missed.append(f"slots busy: {best:.1%}, the target is {BUSY_SHARE:.0%}")
    cpu = min(run["mathmill"]["cpu_ms_per_document"] for run in result["runs"])
    if cpu >= CPU_MS:
        missed.append(f"CPU per document: {cpu} ms, the target is below {CPU_MS} ms")
    if (first := result["resume"]["first_request_after_s"]) >= RESUME_S:
        missed.append(f"first request after a resume: {first} s, the target is below {RESUME_S} s")
    if "long" in result:
        sizes = {int(tenth): size for tenth, size in result["long"]["rss_by_tenth_bytes"].items()}
        if sizes and max(sizes.values()) > GROWTH * sizes[min(tenth for tenth in sizes if tenth >= 2)]:
            missed.append("memory grew by more than a quarter from the second tenth on")
    return missed


@contextmanager
def _server(slots: int, delay_s: float) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.refine_server", "--slots", slots, "--delay-s", delay_s]
    process = _start(command)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


def _stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/stats") as response:
        value: dict[str, Any] = json.load(response)
        return value


def _start(command: list[Any]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def _run(command: list[Any]) -> dict[str, Any]:
    process = _start(command)
    output, _ = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with code {process.returncode}")
    value: dict[str, Any] = json.loads(output.splitlines()[-1])
    return value


def _peer() -> Path:
    """The interpreter of the peer's environment, made when it is not there yet."""
    folder = cache_folder() / "peer-inference"
    python = folder / "bin" / "python"
    if not (folder / ".complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", _PINS], check=True)
        (folder / ".complete").touch()
    return python


if __name__ == "__main__":
    sys.exit(main())
