"""Tiny proxies in Hugging Face format, and ranks that measure with them."""

import os
import signal
from pathlib import Path

from support import tiny
from support.tokenizers import write_tokenizer
from training.rpt.measure import Job, MeasureSettings, measure
from training.rpt.proxy import find_proxy
from training.tokens import TokenManifest

CONTEXT = 32


def write_proxy(folder: Path, name="llama", seed=0, **config) -> Path:
    """Random weights, wide enough to be of different minds, with the tokenizer of `write_tokenizer`."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    write_tokenizer(folder, eos_token="</s>")
    values = tiny.CONFIGS[name] | {"vocab_size": 300, "max_position_embeddings": CONTEXT} | config
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**values), dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(8)
        model.get_output_embeddings().weight.mul_(4)
    model.save_pretrained(folder)
    return folder


def job(tokens: Path, proxy: Path, out: Path, dtype="float32", floor=0.5, batch_tokens=64) -> Job:
    """A job of many small parts."""
    settings = MeasureSettings(floor=floor, context=CONTEXT, dtype=dtype, batch_tokens=batch_tokens, part_tokens=150)
    return Job(TokenManifest.load(tokens), find_proxy(str(proxy)), settings, out)


def measure_in(world, *args, **settings) -> str:
    """Measure on this rank; returns the digest of what there is then."""
    from pipeline.progress import Reporter

    return measure(job(*args, **settings), world, Reporter(quiet=True)).digest


def kill_in_part(world, tokens: Path, proxy: Path, out: Path, part: int):
    """SIGKILL on every rank when `part` is about to be committed."""
    import training.rpt.measure as module

    real = module.write_json

    def write_json(path, value):
        if path.name == f"{part:05d}.json":
            os.kill(os.getpid(), signal.SIGKILL)
        real(path, value)

    module.write_json = write_json
    measure_in(world, tokens, proxy, out)
