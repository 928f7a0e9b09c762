"""What a checkpoint holds, whole, in this process."""

import warnings
from pathlib import Path

import numpy as np
import torch
import torch.distributed.checkpoint as dcp


def tensors(folder: Path) -> dict[str, np.ndarray]:
    """All tensors of a checkpoint by name (`model.…`, `optimizer.…`)."""
    reader = dcp.FileSystemReader(folder)
    stored = reader.read_metadata().state_dict_metadata
    state = {
        name: torch.empty(item.size, dtype=item.properties.dtype)
        for name, item in stored.items()
        if hasattr(item, "properties")
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")
        dcp.load(state, storage_reader=reader, no_dist=True)
    return {name: tensor.numpy() for name, tensor in state.items()}
