"""What `mathmill positions` is given: token shards, or what they are made of first."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
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
from training.rpt.traces import rollout_files, traces_tokenizer, write_traces
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
        source: token shards; or a finished corpus, or a run with stored answers, which become token shards in
            OUT/tokens first.
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
    ground = _find_ground(source, files, out)
    if plan:
        words = ground.plan() if ground.plan is not None else render_plan(ground.job(files, settings, out))
        print(words)
        return None
    if ground.make is None:
        ground.job(files, settings, out)  # refused before any process waits for another
    with join_world() as world:
        mine = reporter if world.is_first else Reporter(quiet=True)
        if ground.make is not None and world.is_first:
            ground.make(mine)
        dist.barrier()
        manifest = measure(ground.job(files, settings, out), world, mine)
        if not world.is_first:
            return None
        write_page(manifest)
        return manifest


@dataclass(frozen=True)
class _Ground:
    """The tokens to measure. Where they must be made first, `make` makes them and `plan` says so."""

    tokens: Path
    make: Callable[[Reporter], object] | None = None
    plan: Callable[[], str] | None = None

    def job(self, files: ProxyFiles, settings: MeasureSettings, out: Path) -> Job:
        job = Job(TokenManifest.load(self.tokens), files, settings, out)
        files.check(job.documents)
        return job


def _find_ground(source: str, files: ProxyFiles, out: Path) -> _Ground:
    path = Path(source).expanduser()
    if path.name == TOKENS or (path / TOKENS).is_file():
        return _Ground(path)
    tokens, then = out / "tokens", f"to {out / 'tokens'} first; then positions to {out}"
    if steps := rollout_files(path):
        traces_tokenizer(path)  # refused before anything is made
        return _Ground(
            tokens,
            lambda _: write_traces(path, tokens),
            lambda: f"{path.absolute().name} (run): the answers of {len(steps)} steps {then}",
        )
    job, tasks = plan_job((source,), str(files.tokenizer), tokens), len(os.sched_getaffinity(0))
    return _Ground(
        tokens,
        lambda reporter: tokenize(job, tasks, reporter),
        lambda: f"{render_tokenize(job, tasks)}; then positions to {out}",
    )


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
