"""A transformers causal LM as the trainer holds it: sharded by FSDP2, its loss inside the root's forward.

Order (torchtitan's): activation checkpointing, compilation of each layer, sharding of each layer and of the root, then
memory, then weights. The root keeps embedding, final norm and head in one group, so that tied weights stay tied and the
head is a plain tensor where the loss needs it.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict, set_model_state_dict
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from pipeline.errors import BadInput
from training import attention
from training.loss import summed_cross_entropy
from training.prefix.keep import hand_over, returning_keys, why_unshared
from training.rows import Rows
from training.run import ModelSettings
from training.world import World

DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class Placement:
    """Where a model lives: `mesh` is (shard) or (replicate, shard); None: one process, nothing sharded."""

    device: torch.device
    mesh: DeviceMesh | None = None


def place_model(world: World, settings: ModelSettings, replicas: int) -> Placement:
    """Sharded over all processes; a single process that computes in the type of its weights shards nothing.

    Raises:
        BadInput: the processes cannot be split into that many replicas.
    """
    if world.size == 1 and settings.dtype != "bfloat16":
        return Placement(world.device)
    return Placement(world.device, world.mesh(replicas))


class LossModel(nn.Module):
    """The root: rows in, weighted sum of token losses out."""

    hands_out_keys: ClassVar[bool] = False
    """Whether its layers hand keys and values out when asked (training.prefix)."""
    unshared: str | None = None
    """Why the model cannot share computed beginnings; None: it can."""

    def __init__(self, model: PreTrainedModel, compiled: bool = False) -> None:
        super().__init__()
        self.model = model
        self.compiled = compiled

    def forward(self, rows: Rows) -> Tensor:
        """Σ weight × cross entropy over the tokens of `rows`, a scalar, undivided."""
        return self.cross_entropy(self.hidden(rows), rows)

    def cross_entropy(self, hidden: Tensor, rows: Rows) -> Tensor:
        """Σ weight × cross entropy, of the last hidden states; only inside `forward` when sharded."""
        head = self.model.get_output_embeddings()
        return summed_cross_entropy(hidden, head.weight, rows.labels, rows.weights, compiled=self.compiled)

    def hidden(self, rows: Rows, **options: Any) -> Tensor:
        """Last hidden states, [tokens, width]; only inside `forward` when sharded. `options` reach every layer."""
        output = self.model.base_model(
            input_ids=rows.input_ids[None],
            position_ids=rows.position_ids[None],
            cu_seqlens=rows.cu_seqlens,
            max_seqlen=rows.max_seqlen,
            use_cache=False,
            **options,
        )
        hidden: Tensor = output.last_hidden_state[0]
        return hidden


Root = TypeVar("Root", bound=LossModel)


def load_model_config(settings: ModelSettings, folder: Path, checkpoint: Path | None = None) -> Any:
    """The transformers config of a run's model, checked.

    Args:
        settings: of the run.
        folder: where relative paths start.
        checkpoint: one of our own that the run starts from; its config then holds.

    Raises:
        BadInput: no such model, or one whose attention the document bounds cannot express.
    """
    try:
        if checkpoint is not None:
            config = AutoConfig.from_pretrained(str(checkpoint))
        elif settings.config is not None:
            values = dict(settings.config)
            config = AutoConfig.for_model(values.pop("model_type"), **values)
        else:
            config = AutoConfig.from_pretrained(_source(settings, folder), revision=settings.revision)
    except (KeyError, ValueError, OSError) as error:
        named = "config" if settings.path is None else f"path: {settings.path!r}"
        raise BadInput(f"model.{named}: {' '.join(str(error).split())[:300]}; correct it") from error
    attention.check_config(config)
    return config


def build_model(
    settings: ModelSettings, config: Any, place: Placement, seed: int, folder: Path, root: type[Root] = LossModel
) -> Root:
    """A model ready to train: sharded, on its device, with the weights that the run starts from.

    Args:
        settings: of the run.
        config: from `load_model_config`.
        place: device and mesh.
        seed: of random weights.
        folder: where relative paths start.
        root: what wraps the model and computes its loss.

    Raises:
        BadInput: the model cannot be trained here, or a weight is missing.
    """
    loss_model = shape_model(settings, config, place, root)
    if settings.config is not None:
        _randomise(loss_model.model, config, seed)
    else:
        _load_pretrained(loss_model.model, _weights_folder(settings, folder))
    return loss_model


def shape_model(settings: ModelSettings, config: Any, place: Placement, root: type[Root] = LossModel) -> Root:
    """The sharded model with memory and without values: for weights that come from a checkpoint."""
    dtype = DTYPES[settings.dtype]
    master = _master(settings)
    model = meta_model(settings, config)
    attention.check_model(model)
    head = model.get_output_embeddings()
    if head is None or getattr(head, "bias", None) is not None:
        raise BadInput(f"model {config.model_type}: an output layer without bias is needed; take another model")
    layers = decoder_layers(model)
    if root.hands_out_keys:
        for layer in layers:
            layer.forward = returning_keys(layer.forward)
        if dtype == torch.float64:
            widen_norms(model)
    if settings.activation_checkpointing:
        for layer in layers:
            layer.forward = functools.partial(checkpoint, layer.forward, use_reentrant=False)
    if settings.compile:
        for layer in layers:
            layer.compile()
    loss_model = root(model, compiled=settings.compile and place.device.type == "cuda")
    if place.mesh is not None:
        _shard(loss_model, layers, place.mesh, dtype, master)
    if root.hands_out_keys:
        hand_over(layers)
        probe = _meta_model(config, torch.bfloat16)
        loss_model.unshared = why_unshared(probe, decoder_layers(probe), settings.compile)
    loss_model.to_empty(device=place.device)
    model.tie_weights()
    restore_buffers(model, config)
    loss_model.train()
    return loss_model


def check_context(config: Any, prompt: int, answer: int) -> None:
    """Refuse texts that are longer than a model was made for.

    Args:
        config: transformers config; one without a limit takes all.
        prompt: tokens of the longest prompt.
        answer: tokens of the longest answer.

    Raises:
        BadInput: they do not fit into its context together.
    """
    limit = getattr(config, "max_position_embeddings", None)
    if limit is not None and prompt + answer > limit:
        raise BadInput(
            f"a prompt of {prompt:,} tokens with an answer of at most {answer:,}: the model's context has {limit:,} "
            "(max_position_embeddings in its config.json); lower the longest answer, or leave out long prompts"
        )


def check_vocabulary(config: Any, largest: int) -> None:
    """Refuse tokens that a model has no embedding for.

    Args:
        config: transformers config.
        largest: the largest token id that it will see.

    Raises:
        BadInput: it is not below its `vocab_size`.
    """
    if largest >= config.vocab_size:
        raise BadInput(
            f"the tokenizer gives token {largest:,}, the model has {config.vocab_size:,} (vocab_size in its "
            "config.json); give the model's own tokenizer"
        )


def count_parameters(settings: ModelSettings, config: Any) -> int:
    """Parameters of a model, tied ones once, without making it."""
    return sum(parameter.numel() for parameter in meta_model(settings, config).parameters())


def _master(settings: ModelSettings) -> torch.dtype:
    """Type of the weights that the optimizer sees."""
    return torch.float64 if settings.dtype == "float64" else torch.float32


def meta_model(settings: ModelSettings, config: Any) -> PreTrainedModel:
    """The model without memory: shapes, names and types."""
    return _meta_model(config, _master(settings))


def _meta_model(config: Any, dtype: torch.dtype) -> PreTrainedModel:
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=attention.NAME)


def decoder_layers(model: PreTrainedModel) -> list[nn.Module]:
    """The repeated blocks: the longest module list.

    Raises:
        BadInput: the model has none.
    """
    lists: list[list[nn.Module]] = [list(module) for module in model.modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        raise BadInput(f"model {model.config.model_type}: no list of layers; take a decoder-only transformer")
    return max(lists, key=len)


def fsdp_modules(model: nn.Module) -> Iterator[FSDPModule]:
    """Every sharded module, the root first."""
    return (module for module in model.modules() if isinstance(module, FSDPModule))


def reshard(model: nn.Module) -> None:
    """Let go of gathered parameters, which a forward without backward leaves and the optimizer must not meet."""
    for module in fsdp_modules(model):
        module.reshard()


def _shard(root: LossModel, layers: list[nn.Module], mesh: DeviceMesh, dtype: torch.dtype, master: torch.dtype) -> None:
    # Rotary tables come in float32 and stay so: inputs are not cast.
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=master, cast_forward_inputs=False)
    single = mesh.size() == 1
    for layer in layers:
        fully_shard(layer, mesh=mesh, mp_policy=policy, reshard_after_forward=not single)
    fully_shard(root, mesh=mesh, mp_policy=policy, reshard_after_forward=False)
    for module in fsdp_modules(root):
        # The loss is divided by the global count of tokens, so gradients are summed. The plain sum also avoids the
        # pre-multiplied one, which gloo lacks and NCCL gets wrong in bfloat16 (pytorch#190747).
        module.set_gradient_divide_factor(1.0)
        module.set_force_sum_reduction_for_comms(True)


def restore_buffers(model: PreTrainedModel, config: Any) -> None:
    """Fill the buffers that no checkpoint holds: `to_empty` left them without values."""
    stored = set(model.state_dict())
    for name, module in model.named_modules():
        own = [key for key, _ in module.named_buffers(recurse=False)]
        missing = [key for key in own if f"{name}.{key}".removeprefix(".") not in stored]
        if not missing:
            continue
        if not type(module).__name__.endswith("RotaryEmbedding"):
            raise BadInput(f"model {config.model_type}: {name}.{missing[0]}: a buffer of unknown content")
        fresh = dict(type(module)(config).named_buffers(recurse=False))
        for key in missing:
            getattr(module, key).copy_(fresh[key])


def widen_norms(model: PreTrainedModel) -> None:
    """Have a float64 model compute its norms in float64.

    transformers' own round to float32 in every type. Gradients summed before that rounding are not those summed behind
    it, so results would depend on what is shared, by 1e-8; float64 is there to show that they do not.
    """
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon"):
            module.forward = functools.partial(_rms_norm, module)


def _rms_norm(module: nn.Module, hidden: Tensor) -> Tensor:
    return functional.rms_norm(hidden, module.weight.shape, module.weight, module.variance_epsilon)


def _randomise(model: PreTrainedModel, config: Any, seed: int) -> None:
    """transformers' own initial weights, the same for every number of ranks: the first rank draws, all receive."""
    values = {}
    distributed = dist.is_initialized() and dist.get_world_size() > 1
    if not distributed or dist.get_rank() == 0:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            dtype = next(model.parameters()).dtype  # drawn in float32, so that it is the same model in every type
            values = AutoModelForCausalLM.from_config(config, dtype=torch.float32).to(dtype).state_dict()
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=distributed)
    set_model_state_dict(model, values, options=options)


def _load_pretrained(model: PreTrainedModel, folder: Path) -> None:
    state = get_model_state_dict(model)
    tied = set(model._tied_weights_keys or ()) if model.config.tie_word_embeddings else set()
    wanted = {key: value for key, value in state.items() if key not in tied}
    files = sorted(folder.glob("*.safetensors"))
    try:
        if not files:
            raise FileNotFoundError("there are none")
        for file in files:  # torch would print a traceback for a file that is cut off
            with safe_open(file, framework="pt"):
                pass
        dcp.load(wanted, storage_reader=dcp.HuggingFaceStorageReader(str(folder)))
    except (RuntimeError, FileNotFoundError, SafetensorError, dcp.CheckpointException) as error:
        # A checkpoint exception's own text is a traceback of every process.
        inner = next(iter(error.failures.values()))[0] if isinstance(error, dcp.CheckpointException) else error
        reason = " ".join(str(inner).split())[:300].rstrip(".")
        raise BadInput(
            f"model.path: {folder}: its weights (*.safetensors) are not those of its config.json: {reason}; save the "
            "model there again"
        ) from error
    set_model_state_dict(model, wanted, options=StateDictOptions(strict=not tied))


def _source(settings: ModelSettings, folder: Path) -> str:
    """A local folder, made absolute, or a Hub name."""
    assert settings.path is not None
    local = folder / Path(settings.path).expanduser()
    return str(local) if local.is_dir() else settings.path


def _weights_folder(settings: ModelSettings, folder: Path) -> Path:
    source = _source(settings, folder)
    if Path(source).is_dir():
        return Path(source)
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(source, revision=settings.revision, allow_patterns=["*.safetensors", "*.json"]))
