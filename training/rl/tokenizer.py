"""The tokenizer of a policy run."""

from typing import Any

from pipeline.errors import BadInput
from training.rl.settings import LoadedPolicyRun, PolicyRun


def load_tokenizer(loaded: LoadedPolicyRun[PolicyRun]) -> Any:
    """The transformers tokenizer of a run.

    Raises:
        BadInput: there is none.
    """
    from transformers import AutoTokenizer

    name = loaded.run.tokenizer or loaded.run.model.path
    assert name is not None
    local, field = loaded.resolve(name), "tokenizer" if loaded.run.tokenizer else "model.path"
    if not local.is_dir() and name.count("/") != 1:
        raise BadInput(f"{field}: {name!r}: no such folder; give a folder with a tokenizer, or a Hub name (OWNER/NAME)")
    try:
        return AutoTokenizer.from_pretrained(str(local) if local.is_dir() else name)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(f"{field}: {name!r}: no tokenizer: {reason}; give a folder or Hub name that has one") from error
