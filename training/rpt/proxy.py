"""The proxy: the model whose entropies say which positions are hard."""

from dataclasses import dataclass
from pathlib import Path

import torch.distributed as dist
from tokenizers import Tokenizer

from pipeline.errors import BadInput
from pipeline.files import digest, file_digest
from training.checkpoint import DONE, AnyRecord, check_files, load_weights, read_record
from training.documents import DocumentTokens
from training.export import checkpoint_tokenizer
from training.model import build_model, count_parameters, load_model_config, place_model, shape_model
from training.rl.token_bytes import TokenBytes
from training.rpt.encoding import Encoder
from training.rpt.entropy import EntropyModel
from training.rpt.positions import ProxyIdentity
from training.run import ModelSettings
from training.tokenizer import FILE
from training.world import World


@dataclass(frozen=True)
class ProxyFiles:
    """Where a proxy lies: a folder in Hugging Face format, or a checkpoint of ours."""

    name: str
    folder: Path
    is_checkpoint: bool
    tokenizer: Path
    """Its tokenizer.json."""
    parameters: int
    vocab_size: int
    """Ids that it knows."""
    context: int
    """Most tokens that it takes at once."""

    def check(self, documents: DocumentTokens) -> None:
        """Refuse tokens that its tokenizer did not make, or whose ids it does not know.

        Raises:
            BadInput: with both digests, or both sizes.
        """
        tokens, tokenizer = documents.manifest.folder, documents.manifest.tokenizer
        if self.vocab_size < tokenizer.vocab_size:
            raise BadInput(
                f"--proxy {self.name}: vocab_size {self.vocab_size} in its config, but {tokens} was made with "
                f"{tokenizer.name}, which has {tokenizer.vocab_size} ids; take a proxy of that tokenizer"
            )
        if not Encoder(Tokenizer.from_file(str(self.tokenizer))).may_have_made(documents, self.tokenizer):
            raise BadInput(
                f"--proxy {self.name}: its {FILE} ({file_digest(self.tokenizer)}) is not {tokenizer.name} "
                f"({tokenizer.xxh3_128}), which made {tokens}; tokenize with `--tokenizer {self.tokenizer}`, or take a "
                "proxy of that tokenizer"
            )

    def token_bytes(self) -> TokenBytes:
        """Bytes of its tokens."""
        return TokenBytes.from_tokenizer(Tokenizer.from_file(str(self.tokenizer)))


@dataclass(frozen=True)
class Proxy:
    """A proxy ready to measure."""

    model: EntropyModel
    identity: ProxyIdentity


def find_proxy(name: str) -> ProxyFiles:
    """The proxy that `name` means; no weight is read.

    Args:
        name: folder in Hugging Face format with tokenizer.json (as `mathmill export` writes it), a checkpoint
            RUN/step-NNNNNNN of ours, or a Hub name.

    Raises:
        BadInput: there is none, it has no tokenizer, or its attention is not supported.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _download(name)
    is_checkpoint = (folder / DONE).is_file()
    if not is_checkpoint and not (folder / "config.json").is_file():
        raise BadInput(
            f"--proxy {name}: neither a model (config.json) nor a complete checkpoint ({DONE}); give a folder in "
            "Hugging Face format, or RUN/step-NNNNNNN"
        )
    if not is_checkpoint and not any(folder.glob("*.safetensors")):
        raise BadInput(f"--proxy {name}: no weights (*.safetensors) in {folder}; save the model there")
    tokenizer = folder / FILE
    if is_checkpoint:
        mend = "write it with `mathmill export --tokenizer FILE`, and give that folder"
        tokenizer = checkpoint_tokenizer(folder, mend=mend)[FILE]
    if not tokenizer.is_file():
        raise BadInput(f"--proxy {name}: no {FILE} in {folder}; save its tokenizer there")
    settings = ModelSettings(path=str(folder.absolute()))
    config = load_model_config(settings, Path(), folder if is_checkpoint else None)
    context = getattr(config, "max_position_embeddings", None)
    if context is None:
        raise BadInput(f"--proxy {name}: its config has no max_position_embeddings; take another model")
    folder = folder.absolute()
    shown = f"{folder.parent.name}/{folder.name}" if is_checkpoint else folder.name
    return ProxyFiles(
        name=shown if Path(name).expanduser().is_dir() else name,
        folder=folder,
        is_checkpoint=is_checkpoint,
        tokenizer=tokenizer.absolute(),
        parameters=count_parameters(settings, config),
        vocab_size=int(config.vocab_size),
        context=int(context),
    )


def load_proxy(files: ProxyFiles, dtype: str, world: World) -> Proxy:
    """The model, over all processes, and its identity.

    Raises:
        BadInput: weights are missing or not whole.
    """
    settings = ModelSettings.model_validate({"path": str(files.folder), "dtype": dtype})
    config = load_model_config(settings, Path(), files.folder if files.is_checkpoint else None)
    place = place_model(world, settings, 1)
    if files.is_checkpoint:
        check_files(files.folder, read_record(files.folder, AnyRecord), world.rank, world.size)
        model = shape_model(settings, config, place, EntropyModel)
        load_weights(files.folder, model)
    else:
        model = build_model(settings, config, place, 0, Path(), EntropyModel)
    model.eval().requires_grad_(False)
    identity = [identify(files, dtype) if world.is_first else None]
    dist.broadcast_object_list(identity)
    assert identity[0] is not None
    return Proxy(model, identity[0])


def identify(files: ProxyFiles, dtype: str) -> ProxyIdentity:
    """Who a proxy is: reads every byte of its weights, but for a checkpoint, whose record has the digests."""
    if files.is_checkpoint:
        digests = {name: file.xxh3_128 for name, file in read_record(files.folder, AnyRecord).files.items()}
    else:
        paths = [files.folder / "config.json", *sorted(files.folder.glob("*.safetensors"))]
        digests = {path.name: file_digest(path) for path in paths}
    return ProxyIdentity(name=files.name, xxh3_128=digest(digests), parameters=files.parameters, dtype=dtype)


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise BadInput(f"--proxy {name}: no such folder; give a model's folder, a checkpoint, or a Hub name")
    repository, _, revision = name.partition("@")
    try:
        found = snapshot_download(repository, revision=revision or None, allow_patterns=["*.safetensors", "*.json"])
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())[:160]
        raise BadInput(f"--proxy {name}: no folder, not on the Hub ({reason}); correct the name") from error
    return Path(found)
