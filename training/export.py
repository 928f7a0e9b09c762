"""A checkpoint as a Hugging Face folder, read back and compared before it takes its name."""

import json
import shutil
import warnings
from pathlib import Path

import torch
import torch.distributed.checkpoint as dcp
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from pipeline.errors import BadInput, BuildFailed
from pipeline.files import file_digest, write_json
from pipeline.shard.tokenizer import BUNDLED
from training.best import find_checkpoint
from training.checkpoint import Record, check_files, read_record
from training.model import DTYPES
from training.rl.record import TOKENIZER, PolicyRecord
from training.rl.settings import RlRun
from training.rpt.settings import RptRun
from training.tokenizer import FILE

AnyPolicy = PolicyRecord[RlRun | RptRun]
_BESIDE = ("tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")


def export(checkpoint: Path, target: Path, *, dtype: str = "bfloat16", tokenizer: Path | None = None) -> Path:
    """Write the weights of a checkpoint for `from_pretrained`, with config and tokenizer.

    Needs the memory of the whole model on the CPU, once in the checkpoint's type and once in `dtype`.

    Args:
        checkpoint: folder of a complete checkpoint, every byte of which is checked; or of a run, for its best one, else
            its newest.
        target: new folder.
        dtype: of the weights and of the config.
        tokenizer: tokenizer.json, or its folder; None: the model's own or the bundled one, whichever made the tokens.
            Of an RL or RPT run the run's own is taken.

    Returns:
        `target`.

    Raises:
        BadInput: no complete checkpoint, no such tokenizer, or the target exists.
        BuildFailed: what was read back is not what was written.
    """
    if dtype not in ("bfloat16", "float32", "float64"):
        raise BadInput(f"--dtype {dtype}: not a type of weights; take bfloat16 or float32")
    checkpoint = find_checkpoint(checkpoint)
    of_policy = (checkpoint.parent / TOKENIZER).is_dir()
    record = read_record(checkpoint, AnyPolicy) if of_policy else read_record(checkpoint)
    check_files(checkpoint, record)
    if target.exists():
        raise BadInput(f"{target}: exists; give a new folder")
    files = checkpoint_tokenizer(checkpoint, tokenizer)
    model = _read(checkpoint, DTYPES[dtype])
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary)
    for name, file in files.items():
        shutil.copyfile(file, temporary / name)
    if isinstance(record, Record):
        _complete_tokenizer(temporary, record)
    _compare(model, temporary, checkpoint.parent, record)
    temporary.rename(target)
    return target


def _read(checkpoint: Path, dtype: torch.dtype) -> PreTrainedModel:
    """The model of a checkpoint, whole, on the CPU."""
    reader = dcp.FileSystemReader(checkpoint)
    stored = reader.read_metadata().state_dict_metadata
    state = {
        name.removeprefix("model."): torch.empty(item.size, dtype=item.properties.dtype)
        for name, item in stored.items()
        if name.startswith("model.")
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")
        dcp.load({"model": state}, storage_reader=reader, no_dist=True)
    config = AutoConfig.from_pretrained(str(checkpoint))
    model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    model.load_state_dict(state)
    model.tie_weights()
    return model.eval()


def checkpoint_tokenizer(
    checkpoint: Path, given: Path | None = None, mend: str = "give --tokenizer FILE"
) -> dict[str, Path]:
    """Files of the tokenizer of a checkpoint, by name.

    Of an RL run the run's own; else the one whose tokenizer.json has the digest of the tokens: `given`, or beside the
    model that the run started from, or bundled.

    Raises:
        BadInput: it is at none of these places; `mend` says what to do.
    """
    own = checkpoint.parent / TOKENIZER
    if own.is_dir():
        return {file.name: file for file in sorted(own.iterdir())}
    record, folder = read_record(checkpoint), checkpoint.parent
    name = record.tokenizer["name"]
    places = [given] if given is not None else [BUNDLED / f"{name}.json"]
    if given is None and record.run.model.path is not None:
        places.insert(0, folder / record.run.model.path)
    for place in places:
        main = place / FILE if place.is_dir() else place
        if main.is_file() and file_digest(main) == record.tokenizer["xxh3_128"]:
            beside = [main.parent / other for other in _BESIDE] if place.is_dir() else []
            return {FILE: main, **{file.name: file for file in beside if file.is_file()}}
    raise BadInput(
        f"the tokens were made with {name} ({record.tokenizer['xxh3_128']}), which is not"
        f" {'at ' + str(given) if given else 'beside the model'}; {mend}"
    )


def _complete_tokenizer(folder: Path, record: Record) -> None:
    """A bare tokenizer.json gets the configuration that transformers needs to load it."""
    if (folder / "tokenizer_config.json").exists():
        return
    tokens = {token["id"]: token["content"] for token in json.loads((folder / FILE).read_text())["added_tokens"]}
    special = {key: tokens.get(record.tokenizer[key[:3]]) for key in ("eos_token", "bos_token")}
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "add_bos_token": record.tokenizer["bos"] is not None,
            **{key: value for key, value in special.items() if value is not None},
        },
    )


def _compare(model: PreTrainedModel, written: Path, folder: Path, record: Record | AnyPolicy) -> None:
    """Read back: the same keys, shapes, types, values, and logits of one forward pass."""
    again, loading = AutoModelForCausalLM.from_pretrained(written, dtype="auto", output_loading_info=True)
    problems = [f"{kind} {sorted(keys)[0]}" for kind, keys in loading.items() if keys]
    ours, theirs = model.state_dict(), again.state_dict()
    problems += [f"missing {name}" for name in sorted(ours.keys() ^ theirs.keys())]
    problems += [f"another {name}" for name in ours if name in theirs and not _same(ours[name], theirs[name])]
    if record.run.model.path is not None and (source := _keys(folder / record.run.model.path)):
        problems += [f"not as in the source: {name}" for name in sorted(source ^ _keys(written))]
    ids = torch.arange(min(16, model.config.vocab_size))[None]
    with torch.no_grad():
        logits = [each.eval()(ids, use_cache=False).logits.float() for each in (model, again)]
    # Equal weights at other addresses may be multiplied by another kernel: the last digits are free.
    if not torch.allclose(*logits, rtol=1e-3, atol=1e-3):
        problems.append("other logits")
    if problems:
        raise BuildFailed(f"{written}: not what was written: {problems[0]} ({len(problems)} problems)")


def _same(one: Tensor, other: Tensor) -> bool:
    return bool(one.dtype == other.dtype and torch.equal(one, other))


def _keys(folder: Path) -> set[str]:
    """Names of the tensors in a folder's safetensors files; empty where there are none."""
    from safetensors import safe_open

    keys: set[str] = set()
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            keys |= set(file.keys())
    return keys


def write_sample(folder: Path, prompt: str, max_new_tokens: int = 60, seed: int = 0) -> str:
    """The prompt and what an exported model writes after it, sampled at temperature 0.8."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
    torch.manual_seed(seed)
    written = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=0.8, max_new_tokens=max_new_tokens
    )
    return str(tokenizer.decode(written[0]))
