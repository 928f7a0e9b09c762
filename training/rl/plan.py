"""What an RL run would do, told before it starts: prompts, draws, updates, lengths, memory of the engine."""

from pathlib import Path
from typing import Any

from training.checkpoint import complete_checkpoints, read_record
from training.flops import Cost, head_width, work_behind
from training.model import count_parameters, load_model_config, meta_model
from training.rl.answer_task import AnswerTask
from training.rl.record import PolicyRecord, RlRecord, Settings
from training.rl.settings import EmbeddedSettings, LoadedPolicyRun, LoadedRlRun
from training.rl.tokenizer import load_tokenizer

_BYTES = {"bfloat16": 2, "float32": 4, "float64": 8}


def render_plan(loaded: LoadedRlRun, out: Path) -> str:
    """The plan as text; reads prompts and configs, writes nothing.

    Raises:
        BadInput: what would be refused at the start.
    """
    run = loaded.run
    task = AnswerTask(loaded, load_tokenizer(loaded))
    prompts = task.prompts
    epochs = run.num_steps * run.prompts_per_step / len(prompts.prompts)
    asked = [f"  prompts    {len(prompts.prompts):,}, {prompts.too_long:,} left out as too long; {epochs:.1f} epochs"]
    if run.evaluation is not None:
        sizes = ", ".join(f"{one.name} {len(one.problems):,}" for one in task.evaluated)
        asked.append(
            f"  evaluation {sizes} problems; before the first step, every {run.evaluation.every_steps}, at the end"
        )
    return render_policy_plan(loaded, out, RlRecord, asked, run.prompts.max_prompt_tokens)


def render_policy_plan(
    loaded: LoadedPolicyRun[Settings],
    out: Path,
    kind: type[PolicyRecord[Settings]],
    asked: list[str],
    longest_prompt: int,
) -> str:
    """The plan of any policy run; `asked` are the lines that tell of its prompts."""
    run = loaded.run
    config = load_model_config(run.model, loaded.folder)
    complete = complete_checkpoints(out)
    done = read_record(complete[-1], kind).step if complete else 0
    answers = run.prompts_per_step * run.sampling.samples
    longest = run.sampling.longest
    num_parameters = count_parameters(run.model, config)
    weights = num_parameters * _BYTES[run.model.dtype]
    cache = key_value_bytes(config, run.model.dtype) * run.sampling.max_batch * (longest_prompt + longest)
    stages = ", ".join(
        f"{stage.max_new_tokens:,} from step {stage.step}{'' if stage.step < run.num_steps else ' (never reached)'}"
        for stage in run.sampling.lengths
    )
    state = 3 * num_parameters * (8 if run.model.dtype == "float64" else 4)  # weights and two moments
    kept = f"the newest {run.checkpoints.keep_last}{' and the best' if run.keep_best else ''} kept"
    engine = (
        f"{weights / 2**30:.2f} GiB of weights, {cache / 2**30:.2f} GiB of keys and values at most, "
        "a process, beside the trainer's own"
        if isinstance(run.engine, EmbeddedSettings)
        else f"vLLM at {run.engine.url}, {weights / 2**30:.2f} GiB of weights handed over a step"
    )
    cost = Cost.of(meta_model(run.model, config), config)
    read, drawn = work_behind(0, longest_prompt, 1), work_behind(longest_prompt, longest, longest)
    learned = work_behind(0, longest_prompt + longest, longest)
    flops = run.prompts_per_step * cost.forward(read) + answers * (cost.forward(drawn) + 3 * cost.forward(learned))
    lines = [
        f"{run.name}: {run.num_steps} steps, {done} done",
        f"  model      {config.model_type}, {num_parameters:,} parameters, {run.model.dtype}",
        *asked,
        f"  a step     {run.prompts_per_step} prompts x {run.sampling.samples} answers = {answers:,} answers, "
        f"{run.prompts_per_step // run.prompts_per_update} update(s)",
        f"  algorithm  {run.algorithm.name}, learning rate {run.lr:g}, KL weight {run.algorithm.kl_weight:g}",
        f"  lengths    {stages}",
        f"  at most    {answers * longest:,} tokens drawn a step, {flops:.2g} FLOP if no prefixes are shared",
        f"  engine     {engine}",
        f"  checkpoint every {run.checkpoints.every_steps} steps, {state / 2**30:.2f} GiB, {kept}",
    ]
    return "\n".join(lines)


def key_value_bytes(config: Any, dtype: str) -> int:
    """Bytes of the keys and values of one token in all layers."""
    heads = int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
    return 2 * int(config.num_hidden_layers) * heads * head_width(config) * _BYTES[dtype]
