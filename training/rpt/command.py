"""What `mathmill positions` is given: token shards, or what they are made of first."""

import math
import os
from pathlib import Path

import torch
import torch.distributed as dist

from pipeline.errors import BadInput
from pipeline.progress import Reporter
from training.model import DTYPES
from training.rpt.entropy import TOP
from training.rpt.measure import Job, MeasureSettings, measure, render_plan
from training.rpt.positions import PositionManifest
from training.rpt.proxy import ProxyFiles, find_proxy
from training.rpt.report import write_page
from training.tokenize.run import Job as Tokenize
from training.tokenize.run import plan_job, tokenize
from training.tokenize.run import render_plan as render_tokenize
from training.tokens import MANIFEST as TOKENS
from training.tokens import TokenManifest
from training.world import join_world

_BATCH_TOKENS = {"cpu": 1 << 12, "cuda": 1 << 15}


def run_positions(
    source: str,
    proxy: str,
    out: Path,
    *,
    floor: float,
    context: int | None = None,
    dtype: str | None = None,
    plan: bool = False,
    reporter: Reporter,
) -> PositionManifest | None:
    """Measure the positions of `source` and write their page, or with `plan` print what would run.

    Args:
        source: token shards; or a finished corpus, which the proxy's tokenizer makes into OUT/tokens first.
        proxy: see `find_proxy`.
        out: folder of the positions.
        floor: least entropy that is stored, in nats.
        context: tokens that the proxy sees at once; null: as many as it takes.
        dtype: of compute; null: bfloat16 on a GPU, float32 on a CPU.
        plan: touch nothing.
        reporter: of progress.

    Returns:
        The manifest, on the first process.

    Raises:
        BadInput: an argument cannot work.
        BuildFailed: the proxy's figures are not finite.
    """
    files = find_proxy(proxy)
    settings = _settings(files, floor, context, dtype)
    tokens, first = _is_tokens(source), None
    if tokens is None:
        tokens = out / "tokens"
        first = plan_job((source,), str(files.tokenizer), tokens)
    if plan:
        print(render_plan(_job(tokens, files, settings, out)) if first is None else _plan_first(first, out))
        return None
    if first is None:
        _job(tokens, files, settings, out)  # refused before any process waits for another
    with join_world() as world:
        mine = reporter if world.is_first else Reporter(quiet=True)
        if first is not None and world.is_first:
            tokenize(first, len(os.sched_getaffinity(0)), mine)
        dist.barrier()
        manifest = measure(_job(tokens, files, settings, out), world, mine)
        if not world.is_first:
            return None
        write_page(manifest)
        return manifest


def _plan_first(job: Tokenize, out: Path) -> str:
    return f"{render_tokenize(job, len(os.sched_getaffinity(0)))}; then their positions to {out}"


def _is_tokens(source: str) -> Path | None:
    path = Path(source).expanduser()
    return path if path.name == TOKENS or (path / TOKENS).is_file() else None


def _job(tokens: Path, files: ProxyFiles, settings: MeasureSettings, out: Path) -> Job:
    manifest = TokenManifest.load(tokens)
    files.check(manifest.tokenizer, manifest.folder)
    return Job(manifest, files, settings, out)


def _settings(files: ProxyFiles, floor: float, context: int | None, dtype: str | None) -> MeasureSettings:
    if not 0 <= floor < math.log(TOP):
        raise BadInput(f"--floor {floor:g}: entropies over {TOP} tokens lie from 0 to {math.log(TOP):.4f} nats")
    if context is not None and not 2 <= context <= files.context:
        raise BadInput(f"--context {context}: {files.name} takes from 2 to {files.context:,} tokens; choose among them")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = dtype or ("bfloat16" if device == "cuda" else "float32")
    if dtype not in DTYPES:
        raise BadInput(f"--dtype {dtype}: no such type; take {', '.join(DTYPES)}")
    context = context or files.context
    return MeasureSettings(floor=floor, context=context, dtype=dtype, batch_tokens=max(_BATCH_TOKENS[device], context))
